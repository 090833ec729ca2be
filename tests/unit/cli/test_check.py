from __future__ import annotations

import functools
import json
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from ladderscope.cli import run
from ladderscope.cli.check_progress import CheckProgress
from ladderscope.errors import LadderscopeError
from ladderscope.predict import predict_cell
from ladderscope.records import Cell, Record
from ladderscope.regression.baseline import read_baseline
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.protocol import Job

GRID = """
model: random:tiny-llama
method: [lora, ladder]
rank: 4
reduction: 2
seq-len: 32
dtype: fp32
"""
LORA = "random:tiny-llama lora r=4 32 tokens, fp32, predicted for rtx-3060-12gb"
LADDER = "random:tiny-llama ladder 1/2 32 tokens, fp32, nf4-dq, predicted for rtx-3060-12gb"


@functools.cache
def predicted(job: Job) -> Record:
    """A real prediction; the same job always gives the same record."""
    assert job.gpu is not None
    return predict_cell(job.cell, job.gpu, detailed=job.detailed, alloc_conf=job.alloc_conf).record


class InThisProcess(Executor):
    """Predicts without a process of its own, whose imports would take most of these tests' time."""

    jobs: list[Job]
    interrupt_after: int | None = None
    meanwhile: Callable[[], Any] = staticmethod(lambda: None)
    """Called while the first cell runs."""

    capacity = 1

    def __init__(self, slots: int, *args: Any) -> None:
        pass

    def submit(self, job: Job, tick: Callable[[float], None]) -> Future[Record | None]:
        future: Future[Record | None] = Future()
        future.set_result(self.run(job))
        return future

    def run(self, job: Job) -> Record | None:
        if not self.jobs:
            self.meanwhile()
        type(self).jobs.append(job)
        assert job.gpu is not None
        if job.cell.model == "random:no-such":
            return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status="error", error="no such architecture")
        record = predicted(job)
        if self.interrupt_after == len(type(self).jobs):
            os.kill(os.getpid(), signal.SIGINT)
        return record

    def cancel(self) -> None:
        pass


@pytest.fixture(autouse=True)
def executor(monkeypatch: pytest.MonkeyPatch) -> type[InThisProcess]:
    class Fresh(InThisProcess):
        jobs: list[Job] = []  # noqa: RUF012 (of this test alone)

    monkeypatch.setattr("ladderscope.cli.check_run.LocalExecutor", Fresh)
    for variable in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(variable, raising=False)
    return Fresh


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A baseline of two cells, as ``--update`` writes it."""
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "grid.yaml").write_text(GRID)
    path = folder / "baseline.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ladderscope.cli.check_run.LocalExecutor", type("Once", (InThisProcess,), {"jobs": []}))
        assert run(["check", "--update", "--grid", str(folder / "grid.yaml"), "--baseline", str(path)]) == 0
    return path.read_text()


@pytest.fixture
def baseline(made_once: str, tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    path.write_text(made_once)
    return path


@pytest.fixture
def check(baseline: Path) -> Callable[..., int]:
    """Runs the command on the baseline."""
    return lambda *arguments: run(["check", "--baseline", str(baseline), *arguments])


def lower(baseline: Path, name: str, metric: str, by: int) -> None:
    """Make the baseline's value of a metric smaller, as if the code had needed less when it was reviewed."""
    values = json.loads(baseline.read_text())
    values["cells"][name]["metrics"][metric] -= by
    baseline.write_text(json.dumps(values))


def test_what_is_as_it_was_is_fine(check: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert check() == 0
    shown = capsys.readouterr().out
    assert "2" in shown
    assert "predicted" in shown


def test_updating_again_changes_nothing(
    check: Callable[..., int], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = baseline.read_bytes()
    assert check("--update") == 0
    assert baseline.read_bytes() == before
    assert "up to date" in capsys.readouterr().out


def test_a_regression_ends_with_1_and_goes_to_every_output(
    check: Callable[..., int],
    baseline: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lower(baseline, LADDER, "peak_allocated", 512)
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    files = tmp_path / "new" / "memory.xml", tmp_path / "new" / "memory.md"
    assert check("--json", "--junit", str(files[0]), "--markdown", str(files[1])) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["exit_code"] == 1
    assert captured.err.count("::error ") >= 1
    assert LADDER in files[1].read_text()
    assert LADDER in summary.read_text()
    assert "regressions=1\n" in outputs.read_text()
    failed = [
        case.get("name") for case in ElementTree.parse(files[0]).iter("testcase") if case.find("failure") is not None
    ]
    assert failed == [LADDER]


def test_annotations_are_on_stdout_beside_the_table(
    check: Callable[..., int], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lower(baseline, LORA, "peak_allocated", 512)
    assert check("--github", "--select", "lora") == 1
    assert "::error " in capsys.readouterr().out


@pytest.mark.parametrize(("limit", "code"), [("peak_allocated:1KiB", 0), ("peak_allocated:100%", 0), ("flops:0", 1)])
def test_thresholds_decide(check: Callable[..., int], baseline: Path, limit: str, code: int) -> None:
    lower(baseline, LORA, "peak_allocated", 512)
    lower(baseline, LORA, "flops", 1)
    assert check("--select", "lora", "--fail-on", "peak_allocated:1KiB", "--fail-on", limit) == code


def test_an_improvement_is_fine_and_asks_for_an_update(
    check: Callable[..., int], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lower(baseline, LORA, "peak_allocated", -512)
    assert check("--select", "lora") == 0
    assert "--update" in capsys.readouterr().out


def test_an_update_accepts_a_regression_and_says_what_changed(
    check: Callable[..., int], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = baseline.read_text()
    lower(baseline, LORA, "peak_allocated", 512)
    assert check("--update") == 0
    assert baseline.read_text() == text
    assert "lora" in capsys.readouterr().out
    assert check() == 0


def test_thresholds_of_an_update_go_into_the_file(check: Callable[..., int], baseline: Path) -> None:
    assert check("--update", "--select", "lora", "--fail-on", "activations:16MiB") == 0
    assert read_baseline(baseline).fail_on == {
        "peak_allocated": "0",
        "peak_reserved": "2%",
        "activations": "16MiB",
    }


def test_an_update_keeps_what_others_wrote_while_it_ran(
    check: Callable[..., int], baseline: Path, executor: type[InThisProcess]
) -> None:
    lower(baseline, LORA, "peak_allocated", 512)
    stale = read_baseline(baseline).cells[LORA]

    def edit() -> None:
        values = json.loads(baseline.read_text())
        values["fail_on"]["flops"] = "1%"
        values["tests"] = {"tests/test_a.py::test_b": values["cells"][LADDER]}
        del values["cells"][LADDER]
        baseline.write_text(json.dumps(values))

    executor.meanwhile = staticmethod(edit)
    assert check("--update", "--select", "lora") == 0
    written = read_baseline(baseline)
    assert written.fail_on["flops"] == "1%"
    assert written.tests.keys() == {"tests/test_a.py::test_b"}
    assert written.cells.keys() == {LORA}
    assert written.cells[LORA] != stale


def test_an_update_does_not_mind_that_what_it_removes_has_gone(
    check: Callable[..., int], baseline: Path, tmp_path: Path, executor: type[InThisProcess]
) -> None:
    (tmp_path / "grid.yaml").write_text(GRID.replace("[lora, ladder]", "lora"))

    def edit() -> None:
        values = json.loads(baseline.read_text())
        del values["cells"][LADDER]
        baseline.write_text(json.dumps(values))

    executor.meanwhile = staticmethod(edit)
    assert check("--update", "--grid", str(tmp_path / "grid.yaml")) == 0
    assert read_baseline(baseline).cells.keys() == {LORA}


def test_thresholds_of_an_update_hold_for_what_it_shows(
    check: Callable[..., int], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lower(baseline, LORA, "peak_allocated", 512)
    assert check("--update", "--json", "--select", "lora", "--fail-on", "peak_allocated:1MiB") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["limits"]["peak_allocated"] == "1MiB"
    (shown,) = values["entries"]
    assert shown["outcome"] == "changed"
    (peak,) = (change for change in shown["changes"] if change["metric"] == "peak_allocated")
    assert peak["limit"] == "1MiB"


def test_a_cell_that_fails_ends_with_3_and_an_update_leaves_it_as_it_was(
    check: Callable[..., int], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = json.loads(baseline.read_text())
    values["cells"][LORA]["settings"]["model"] = "random:no-such"
    baseline.write_text(json.dumps(values))
    assert check() == 3
    assert "no such architecture" in capsys.readouterr().out
    assert check("--update") == 3
    assert read_baseline(baseline).cells[LORA].settings["model"] == "random:no-such"


def test_a_cell_without_an_entry_ends_with_3(check: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text(GRID.replace("[lora, ladder]", "full"))
    assert check("--grid", str(tmp_path / "grid.yaml")) == 3


def test_a_regression_beside_a_failure_ends_with_1(check: Callable[..., int], baseline: Path) -> None:
    lower(baseline, LADDER, "peak_allocated", 512)
    values = json.loads(baseline.read_text())
    values["cells"][LORA]["settings"]["model"] = "random:no-such"
    baseline.write_text(json.dumps(values))
    assert check() == 1


def test_an_interrupted_update_leaves_the_file_as_it_was(
    check: Callable[..., int], baseline: Path, executor: type[InThisProcess]
) -> None:
    lower(baseline, LORA, "peak_allocated", 512)
    text = baseline.read_text()
    executor.interrupt_after = 1
    assert check("--update") == 130
    assert len(executor.jobs) == 1
    assert baseline.read_text() == text


def test_an_interrupted_check_is_nowhere_fine(
    check: Callable[..., int],
    executor: type[InThisProcess],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outputs = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    executor.interrupt_after = 1
    junit = tmp_path / "memory.xml"
    assert check("--json", "--github", "--junit", str(junit)) == 130
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    (was_run,) = (entry["name"] for entry in values["entries"])
    (was_not,) = {LORA, LADDER} - {was_run}
    assert (values["exit_code"], values["interrupted"], values["not_run"]) == (130, True, [was_not])
    assert "exit-code=130\n" in outputs.read_text()
    assert f"Interrupted: 1 entry not run: {was_not}." in captured.err
    cases = ElementTree.parse(junit).iter("testcase")
    assert [case.get("name") for case in cases if case.find("error") is not None] == [was_not]


@pytest.mark.parametrize("arguments", [[], ["--update"]])
def test_an_interruption_of_the_last_cell_is_one_too(
    check: Callable[..., int],
    executor: type[InThisProcess],
    baseline: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    lower(baseline, LORA, "peak_allocated", 512)
    text = baseline.read_text()
    executor.interrupt_after = 1
    assert check("--select", "lora", *arguments) == 130
    assert "Interrupted" in "".join(capsys.readouterr())
    assert baseline.read_text() == text


def test_without_a_baseline_it_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--baseline", str(tmp_path / "none.json")]) == 3
    assert "make one with --update" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fail-on", "peak_alocated:0"], "did you mean 'peak_allocated'"),
        (["--fail-on", "peak_allocated"], "write METRIC:LIMIT"),
        (["--fail-on", "peak_allocated:-1"], "how much peak_allocated may grow"),
        (["--repeat", "3"], "predictions repeat to the byte"),
        (["--gpu", "rtx"], "unknown GPU"),
        (["--select", "qst"], "matches none of 2 cells"),
        (["--grid", "none.yaml"], "cannot read the grid none.yaml"),
        (["--junit", "/"], "cannot write /"),
        (["--meter", "gpu"], "unknown meter"),
        (["--update", "--junit", "memory.xml"], "leave them out with --update"),
    ],
)
def test_wrong_use_ends_with_2_and_one_sentence(
    check: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert check(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out


def test_an_error_of_the_check_itself_is_no_regression(
    check: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr("ladderscope.cli.check_run.verdicts_of", fail)
    assert check("--select", "lora", "--github") == 3
    captured = capsys.readouterr()
    assert captured.out.startswith("::error title=Memory check::the check itself failed (ZeroDivisionError: a slip)")
    assert "Traceback" in captured.err


def test_an_error_that_would_end_other_commands_with_1_is_no_regression(
    check: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise LadderscopeError("this cannot be done")

    monkeypatch.setattr("ladderscope.cli.check_run.plan_check", fail)
    assert check() == 3


def test_lines_about_running_cells_can_tell_its_cells_apart(
    check: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[CheckProgress] = []

    class Kept(CheckProgress):
        def __init__(self, console: Console, num_jobs: int, cells: Sequence[Cell] = ()) -> None:
            super().__init__(console, num_jobs, cells)
            made.append(self)

    monkeypatch.setattr("ladderscope.cli.check_run.CheckProgress", Kept)
    assert check() == 0
    (progress,) = made
    assert len(progress._labels) == 2
