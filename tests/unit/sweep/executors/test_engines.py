"""How executors are found: ours by name, those of other packages by entry point."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from ladderscope.cli import run
from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.sweep.executors import ENGINES, find_engine

PREDICTION = ["--model", "random:tiny-llama", "--method", "full", "--seq-len", "32", "--meter", "predict"]
SWEEP = ["profile", *PREDICTION, "--gpu", "rtx-3060-12gb"]

FOREIGN = """
from concurrent.futures import Future
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.executors.engine import Engine, EngineOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(EngineOptions):
    words: str = option("nothing", "What every cell ends with.")


class Foreign(Executor):
    capacity = 2

    def __init__(self, terms, options):
        self._words = options.words

    def submit(self, job, tick):
        future = Future()
        if self._words == "nothing at all":
            future.set_result(None)
            return future
        future.set_result(Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status="error", error=self._words))
        return future

    def cancel(self):
        pass


ENGINE = Engine(Options, Foreign)
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that adds the executors ``foreign`` and ``broken``, as pip would install it."""
    (tmp_path / "foreign_executor.py").write_text(FOREIGN)
    installed = tmp_path / "foreign_executor-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-executor\nVersion: 1.0\n")
    points = "[ladderscope.executors]\nforeign = foreign_executor:ENGINE\nbroken = foreign_executor:Foreign\n"
    (installed / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ENGINES)
def test_our_engines_are_found_and_every_option_has_a_help(name: str) -> None:
    for field in dataclasses.fields(find_engine(name).options):
        assert field.metadata["help"].strip()


@pytest.mark.usefixtures("foreign")
def test_an_executor_of_another_package_runs_cells_with_its_own_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "options.yaml").write_text("words: as it says\n")
    where = ["--executor", "foreign", "--executor-config", str(tmp_path / "options.yaml")]
    assert run([*SWEEP, "--seed", "0", "--seed", "1", *where, "--out", str(tmp_path / "runs.jsonl")]) == 1
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert [(line["cell"]["seed"], line["error"]) for line in lines] == [(0, "as it says"), (1, "as it says")]


@pytest.mark.usefixtures("foreign")
def test_cells_that_gave_no_record_are_told_and_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "options.yaml").write_text("words: nothing at all\n")
    where = ["--executor", "foreign", "--executor-config", str(tmp_path / "options.yaml")]
    assert run([*SWEEP, *where, "--out", str(tmp_path / "runs.jsonl")]) == 1
    assert "the same command runs the missing cell" in capsys.readouterr().err


@pytest.mark.usefixtures("foreign")
def test_an_entry_that_is_no_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="foreign_executor:Foreign is no"):
        find_engine("broken")


@pytest.mark.usefixtures("foreign")
def test_an_unknown_executor_proposes_one_that_is_there() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'foreign'"):
        find_engine("forein")


@pytest.mark.parametrize(("engine", "library"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_says_how_to_install_it(
    engine: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # as import sees a package that is not there
    assert run([*SWEEP, "--executor", engine, "--out", str(tmp_path / "runs.jsonl")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error:")]
    assert f"pip install 'ladderscope[{engine}]'" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("adress: auto\n", "did you mean 'address'"),
        ("cpus: many\n", "cpus of the executor must be of type int"),
        ("cpus: true\n", "cpus of the executor must be of type int"),
        ("memory-gib: 0\n", "at least 0.1"),
        ("memory-gib: .nan\n", "memory_gib of the executor must be a finite number, not nan"),
        ("memory-gib: .inf\n", "must be a finite number, not inf"),
        ("- auto\n", "must map options"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_a_file_of_options_that_makes_no_sense_is_refused(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ray.yaml").write_text(content)
    assert run([*SWEEP, "--executor", "ray", "--executor-config", str(tmp_path / "ray.yaml")]) == 2
    assert message in capsys.readouterr().err
