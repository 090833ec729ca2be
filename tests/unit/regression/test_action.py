"""The action for GitHub: its shell steps run as the runner would run them, with a `ladderscope` that takes notes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ladderscope.cli.check import command as check
from ladderscope.regression.baseline import FILE_NAME
from ladderscope.regression.outputs.github import outputs_of
from ladderscope.regression.verdict import CheckResult

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
CHECK, INSTALL = "Check memory", "Install ladderscope"
TAKES_NOTES = """#!/bin/sh
printf '%s\\n' "$@" "--- end of arguments" >> "$NOTES"
"""
CHECKS = f"""{TAKES_NOTES}
printf 'regressions=2\\n' >> "$GITHUB_OUTPUT"
for argument in "$@"; do case $argument in --junit=*) : > "${{argument#--junit=}}";; esac; done
echo 'what check says'
exit "$CODE"
"""


@dataclass(frozen=True)
class Ran:
    """What a step did: its exit code, the arguments of each command that it ran, its outputs."""

    code: int
    calls: list[list[str]]
    outputs: dict[str, str]
    said: str


class Runner:
    """Runs one shell step of the action, with the inputs that a user gives and the defaults of the others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "the action's checkout"
        self.work = folder / "a working directory"
        for path in (self.checkout, self.work, folder / "bin"):
            path.mkdir()

    def command(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

    def run(self, step: str, code: int = 0, **inputs: str) -> Ran:
        notes, outputs = self.folder / "notes", self.folder / "outputs"
        notes.write_text("", encoding="utf-8")
        outputs.write_text("", encoding="utf-8")
        script = self.folder / "step.sh"
        script.write_text(STEPS[step]["run"], encoding="utf-8")
        values = {name: str(declared.get("default", "")) for name, declared in ACTION["inputs"].items()}
        values |= {name.replace("_", "-"): value for name, value in inputs.items()}
        # As the runner does: an expression is replaced by its value, wherever that ends up.
        env = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)
            for name, text in STEPS[step]["env"].items()
        }
        env |= {"GITHUB_OUTPUT": str(outputs), "GITHUB_ACTION_PATH": str(self.checkout), "NOTES": str(notes)}
        env |= {"PATH": f"{self.folder / 'bin'}:{os.defpath.strip(':')}", "CODE": str(code)}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.work,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        *calls, _ = notes.read_text(encoding="utf-8").split("--- end of arguments\n")
        lines = outputs.read_text(encoding="utf-8").splitlines()
        return Ran(
            ran.returncode,
            [call.splitlines() for call in calls],
            dict(line.split("=", 1) for line in lines),
            ran.stdout + ran.stderr,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def checks(runner: Runner) -> Runner:
    """A runner with a `ladderscope` that ends with the exit code it is told to end with."""
    runner.command("ladderscope", CHECKS)
    runner.command("python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S "$@"\n')
    return runner


@pytest.fixture
def pip(runner: Runner) -> Runner:
    """A runner with a `python` that takes notes."""
    runner.command("python", TAKES_NOTES)
    return runner


def test_without_inputs_the_committed_baseline_is_checked_by_prediction(checks: Runner) -> None:
    assert checks.run(CHECK).calls == [["check", "--baseline=ladderscope-baseline.json", "--meter=predict"]]


def test_every_line_of_an_input_is_one_argument_whatever_is_in_it(checks: Runner) -> None:
    hostile = "a$(touch hacked)`touch hacked`';touch hacked;\" *"
    ran = checks.run(
        CHECK,
        baseline="my baselines/side net.json",
        grid="small grid.yaml\nlarge.yaml",
        select=f"ladder 1/8\n\n   \nmethod=qlora,seq_len=512\r\n{hostile}\n",
        gpu="rtx-3060-12gb\n24GiB:sm86",
        fail_on="peak_allocated:0\nactivations:16 MiB",
        args="--jobs=2\n--timeout=60",
    )
    assert ran.calls == [
        [
            "check",
            "--baseline=my baselines/side net.json",
            "--meter=predict",
            "--grid=small grid.yaml",
            "--grid=large.yaml",
            "--select=ladder 1/8",
            "--select=method=qlora,seq_len=512",
            f"--select={hostile}",
            "--gpu=rtx-3060-12gb",
            "--gpu=24GiB:sm86",
            "--fail-on=peak_allocated:0",
            "--fail-on=activations:16 MiB",
            "--jobs=2",
            "--timeout=60",
        ]
    ]
    assert list(checks.work.iterdir()) == []


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130])
def test_the_step_ends_as_the_check_ends_and_keeps_what_it_said(checks: Runner, code: int) -> None:
    ran = checks.run(CHECK, code=code)
    assert ran.code == code
    assert ran.outputs == {"regressions": "2", "exit-code": str(code)}
    assert ran.said == "what check says\n"


def test_check_understands_what_the_step_calls_it_with(checks: Runner) -> None:
    inputs: dict[str, Any] = {
        "grid": "a.yaml\nb.yaml",
        "select": "lora",
        "gpu": "t4-16gb",
        "fail_on": "flops:1%",
        "junit": "m.xml",
    }
    ((_, *arguments),) = checks.run(CHECK, **inputs, args="--jobs=1").calls
    understood = check.make_context("check", arguments).params
    assert understood["grids"] == (Path("a.yaml"), Path("b.yaml"))
    assert (understood["patterns"], understood["gpus"], understood["fail_on"]) == (
        ("lora",),
        ("t4-16gb",),
        ("flops:1%",),
    )
    assert (understood["baseline"], understood["junit"]) == (Path(FILE_NAME), Path("m.xml"))
    assert (understood["meter"], understood["jobs"]) == ("predict", 1)


def test_the_junit_file_is_an_output_with_its_whole_path_also_of_a_check_that_failed(checks: Runner) -> None:
    ran = checks.run(CHECK, code=1, junit="out memory.xml")
    assert ran.calls[0][-1] == "--junit=out memory.xml"
    assert ran.outputs["junit"] == str(checks.work / "out memory.xml")
    assert ran.code == 1


def test_a_check_that_is_not_installed_is_no_regression(runner: Runner) -> None:
    ran = runner.run(CHECK)
    assert (ran.code, ran.outputs) == (127, {"exit-code": "127"})


def test_the_actions_own_checkout_is_installed_behind_torch_from_the_index_that_is_given(pip: Runner) -> None:
    torch, package = pip.run(INSTALL, torch_index="https://index.example/cpu").calls
    assert torch[-3:] == ["-i", "https://index.example/cpu", "torch"]
    assert package == ["-m", "pip", "install", "--disable-pip-version-check", str(pip.checkout)]


def test_what_is_installed_can_be_chosen_and_held_to_versions(pip: Runner) -> None:
    ran = pip.run(INSTALL, package="ladderscope==1.0", torch_index="", constraints="pinned versions.txt")
    (package,) = ran.calls
    assert package[3:] == ["--disable-pip-version-check", "--constraint", "pinned versions.txt", "ladderscope==1.0"]


def test_an_installation_that_fails_ends_the_action(runner: Runner) -> None:
    runner.command("python", f"{TAKES_NOTES}\nexit 1\n")
    ran = runner.run(INSTALL)
    assert ran.code == 1
    assert len(ran.calls) == 1


def test_no_expression_reaches_a_shell() -> None:
    scripts = [step["run"] for step in STEPS.values() if "run" in step]
    assert len(scripts) == 2
    for script in scripts:
        assert "${{" not in script
        assert script.startswith("set -euo pipefail\n")


@pytest.mark.parametrize("name", [CHECK, INSTALL])
def test_a_shell_step_uses_all_that_it_is_given_and_nothing_else(name: str) -> None:
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", STEPS[name]["run"]))
    assert used - {"GITHUB_OUTPUT", "GITHUB_ACTION_PATH"} == set(STEPS[name]["env"])


def test_every_input_is_used_and_every_input_that_is_used_is_declared() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == set(ACTION["inputs"])
    assert all(declared["description"] for declared in ACTION["inputs"].values())


def test_outputs_are_what_check_says_and_where_the_junit_file_is() -> None:
    assert STEPS[CHECK]["id"] == "check"
    assert set(ACTION["outputs"]) == {*outputs_of(CheckResult(Path(FILE_NAME), ())), "junit"}
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.check.outputs.{name} }}}}"


def test_the_projects_own_workflows_can_only_read_and_use_inputs_that_there_are() -> None:
    given: list[dict[str, Any]] = []
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        given += [step["with"] for step in steps if step.get("uses") == "./"]
    assert len(given) == 1
    assert set(given[0]) <= set(ACTION["inputs"])
    assert (ROOT / given[0]["grid"]).is_file()
    assert (ROOT / given[0]["constraints"]).is_file()
