"""The page on gating a project: its YAML, its commands and its tables say what is true."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
import yaml

from ladderscope import predict_memory
from ladderscope.cli.check import command as check
from ladderscope.cli.plan import command as plan
from ladderscope.regression.limits import DEFAULT_FAIL_ON, parse_fail_on
from ladderscope.regression.metrics import METRICS, PHASES
from ladderscope.regression.pytest_plugin import pytest_addoption
from ladderscope.regression.pytest_plugin.marks import MARKERS, MEMORY_BASELINE, PEAK_MEMORY
from ladderscope.regression.selection import check_patterns
from ladderscope.sweep.grid import cells_of_files
from ladderscope.units import parse_bytes

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "memory-checks.md"
TEXT = PAGE.read_text(encoding="utf-8")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
COMMANDS = {"check": check, "plan": plan}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def yaml_with(mark: str) -> Any:
    (block,) = (block for block in blocks("yaml") if mark in block)
    return yaml.safe_load(block)


def calls() -> list[list[str]]:
    """Every call of ladderscope on the page: in blocks of commands, in YAML, and within sentences."""
    found = re.findall(r"(?:^|`|'|- )ladderscope ([a-z-]+ [^`'\n#]*)", TEXT, flags=re.MULTILINE)
    return [shlex.split(text) for text in found]


def steps() -> list[dict[str, Any]]:
    (job,) = yaml_with("pull_request")["jobs"].values()
    return [*job["steps"], *yaml_with("self-hosted")]


@pytest.mark.parametrize("arguments", calls(), ids=" ".join)
def test_commands_are_understood(arguments: list[str]) -> None:
    name, *options = arguments
    COMMANDS[name].make_context(name, options)


def test_there_are_commands_for_each_step() -> None:
    written = [" ".join(call) for call in calls()]
    assert len(written) >= 8
    assert any("--update --grid" in call for call in written)
    assert any("--junit" in call for call in written)


def test_thresholds_and_patterns_are_understood() -> None:
    values: dict[str, list[str]] = {name: [] for name in ("--fail-on", "--select")}
    for name, value in re.findall(r"(--fail-on|--select) ([^\s`]+)", TEXT):
        values[name].append(value)
    assert set(parse_fail_on(values["--fail-on"])) == {"peak_allocated", "peak_reserved", "activations"}
    assert len(values["--select"]) == 2
    check_patterns(values["--select"])
    assert all(f"`{metric}:{limit}`" in TEXT for metric, limit in DEFAULT_FAIL_ON.items())


def test_the_grid_is_one(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(blocks("yaml")[0], encoding="utf-8")
    assert [(cell.method, cell.seq_len) for cell in cells_of_files([path], {})] == [
        ("qlora", 512),
        ("qlora", 2048),
        ("ladder", 512),
        ("ladder", 2048),
    ]


def test_the_workflow_can_only_read_and_gives_the_action_inputs_that_it_has() -> None:
    assert yaml_with("pull_request")["permissions"] == {"contents": "read"}
    given = [step["with"] for step in steps() if step["uses"].startswith("OWNER/ladderscope@")]
    assert len(given) == 2
    assert all(set(inputs) <= set(ACTION["inputs"]) for inputs in given)


def test_outputs_that_the_workflow_reads_are_outputs_of_the_action() -> None:
    read = set(re.findall(r"steps\.memory\.outputs\.([\w-]+)", TEXT))
    assert read == {"junit"}
    assert read <= set(ACTION["outputs"])
    assert all(f"`{name}`" in TEXT for name in ACTION["outputs"])


def test_the_table_of_inputs_is_that_of_the_action() -> None:
    section = TEXT.split("### The action's inputs and outputs")[1].split("\n\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()[2:]]
    defaults = {name.strip("`"): default.strip("`") for name, default, _ in rows}
    assert list(defaults) == ["baseline", "grid", *list(defaults)[2:]]
    assert set(defaults) == set(ACTION["inputs"])
    assert defaults == {name: ACTION["inputs"][name].get("default", "") for name in defaults}


def test_the_table_of_metrics_has_all_of_them() -> None:
    section = TEXT.split("| metric | of |")[1].split("\n\n")[0]
    named = set(re.findall(r"`([\w.]+)`", section))
    by_phase = {f"{phase}_{peak}" for phase in PHASES for peak in ("peak_allocated", "peak_reserved")}
    assert set(METRICS) - by_phase <= named
    assert set(PHASES) <= named


def test_the_pytest_example_runs_and_stays_below_the_limit_that_it_states(
    pytestconfig: pytest.Config,
) -> None:
    for marker in MARKERS if not pytestconfig.pluginmanager.hasplugin("ladderscope") else ():
        pytestconfig.addinivalue_line("markers", marker)  # an environment that was installed before there were any
    code = next(block for block in blocks("python") if "training_step" in block)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    limited, compared = names["test_a_step_stays_below_a_limit"], names["test_a_step_needs_no_more_than_last_time"]
    (limit,) = limited.pytestmark
    assert (limit.name, compared.pytestmark[0].name) == (PEAK_MEMORY, MEMORY_BASELINE)
    with predict_memory(gpu=limit.kwargs["gpu"]) as trace:
        limited()
    assert trace.peak_allocated_bytes < parse_bytes(limit.args[0])
    with predict_memory(gpu=limit.kwargs["gpu"]) as trace:
        names["test_most_of_it_is_not_activations"](trace)


def test_the_plugins_options_and_keys_are_those_that_it_has() -> None:
    class Told:
        options: ClassVar[set[str]] = set()
        keys: ClassVar[set[str]] = set()

        def getgroup(self, *names: str) -> Told:
            return self

        def addoption(self, name: str, **settings: Any) -> None:
            self.options.add(name)

        def addini(self, name: str, *rest: Any, **settings: Any) -> None:
            self.keys.add(name)

    pytest_addoption(cast(pytest.Parser, Told()))
    assert set(re.findall(r"--ladderscope-[\w-]+", TEXT)) == Told.options
    (configured,) = (tomllib.loads(block)["tool"]["pytest"]["ini_options"] for block in blocks("toml"))
    assert set(configured) <= Told.keys
    parse_fail_on(configured["ladderscope_fail_on"])


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) >= 3
    for link in links:
        file, _, anchor = link.partition("#")
        path = PAGE.parent / file if file else PAGE
        assert path.exists(), link
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
