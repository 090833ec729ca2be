"""The whole command with the CPU meter, in real processes; and what it does on a GPU, on the simulated one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.errors import UsageError
from ladderscope.ledger import read_ledger
from ladderscope.memory.predict import predict_memory
from ladderscope.predict import predict_cell
from ladderscope.records import Cell, Record
from ladderscope.sweep.histories import history_path
from ladderscope.sweep.interrupt import Stop
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.worker import measure_job
from studies.gpu_validation.hardware import gpu_of_this_machine
from studies.gpu_validation.kept_traces import Kept
from studies.gpu_validation.page import page
from studies.gpu_validation.recorded import replay_problem
from studies.gpu_validation.recordings import read_recording
from studies.gpu_validation.requests import compare
from studies.gpu_validation.run import main
from studies.gpu_validation.stages import Stages

GRID = """
model: "random:tiny-llama"
method: [ladder, qst]
reduction: 4
seq-len: 32
steps: 2
"""


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def lines_of(ledger: Path) -> list[str]:
    return ledger.read_text().splitlines()


def test_it_runs_to_its_end_on_a_cpu_and_again_only_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a process that starts ahead, as on a machine of many cores; predictions then run one at a time."""
    cores = iter([1, 8, 8])  # asked for when the executors are made, and before each measurement
    monkeypatch.setattr("studies.gpu_validation.stages.num_cores", lambda: next(cores, 1))
    grid, out = tmp_path / "grid.yaml", tmp_path / "out"
    grid.write_text(GRID)
    command = ["--grid", str(grid), "--meter", "cpu", "--gpu", "h100-80gb", "--out", str(out)]
    assert main([*command, "--only", "measure"]) == 0
    measured = lines_of(out / "ledger.jsonl")
    assert [json.loads(line)["meter"] for line in measured] == ["cpu", "cpu"]
    assert main(command) == 0
    whole = lines_of(out / "ledger.jsonl")
    assert whole[:2] == measured
    assert {(record.meter, record.gpu, record.status) for record in read_ledger(out / "ledger.jsonl")} == {
        ("cpu", None, "ok"),
        ("predict", "h100-80gb", "ok"),
    }
    assert (out / "README.md").read_text().startswith("> **A rehearsal on a CPU")
    assert not (out / "traces").exists()
    assert capsys.readouterr().out.split() == [str(out / "README.md")] * 2
    assert main(command) == 0
    assert lines_of(out / "ledger.jsonl") == whole
    assert main([*command, "--gpu", "a100-80gb"]) == 2
    assert "holds predictions for h100-80gb, and this run is of a100-80gb" in in_one_line(capsys.readouterr().err)
    assert len(lines_of(out / "ledger.jsonl")) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--grid", "grid.yaml", "--part", "headline"], "give one of --grid and --part"),
        ([], "To rehearse it on a CPU, give --meter cpu"),
        (["--meter", "cpu", "--gpu", "h100-80gb"], "needs --gpu, such as h100-80gb, and --grid"),
        (["--meter", "cpu", "--grid", "grid.yaml"], "needs --gpu, such as h100-80gb, and --grid"),
        (["--meter", "cpu", "--gpu", "h100-80gb", "--grid", "absent.yaml"], "cannot read the grid absent.yaml"),
        (["--only", "predict", "--part", "headline"], "name one with --gpu"),
    ],
)
def test_wrong_use_ends_with_a_sentence_and_2(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert sentence in in_one_line(capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_what_it_does_on_a_gpu_gives_what_is_predicted_for_it(tiny_cell: Callable[..., Cell], tmp_path: Path) -> None:
    """On the simulated GPU, whose memory is that of a prediction: the two ways through the code must meet."""
    cell = tiny_cell(method="ladder", dtype="bf16", quantization="nf4-dq", steps=2)
    path = history_path(tmp_path, cell)
    with predict_memory("h100-80gb"):
        assert gpu_of_this_machine() == "h100-80gb"
        measured = measure_job(Job(cell, "cuda", None, 1, history=str(path)), lambda fraction: None)
    assert measured.gpu == "NVIDIA H100 80GB HBM3"
    text = page([measured, predict_cell(cell, "h100-80gb").record], "2026-11-22", Kept([], []))
    row = next(line for line in text.splitlines() if line.startswith("| tiny-llama ladder"))
    assert row.count("| 1.0000 |") == 3  # allocated, reserved, FLOPs
    recording = read_recording(path)
    assert replay_problem(recording) is None
    comparison = compare(recording)
    assert comparison.match_share == 1.0
    assert comparison.differences == []


def test_a_gpu_that_is_not_in_the_table_is_described() -> None:
    with predict_memory("12GiB:sm86"):
        assert gpu_of_this_machine() == "12.00GiB:sm86"


def test_without_a_gpu_one_has_to_be_named() -> None:
    with pytest.raises(UsageError, match="--gpu h100-80gb"):
        gpu_of_this_machine()


def test_cells_that_differ_in_a_seed_alone_have_names_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingStages(Stages):
        def run(self, stop: Stop) -> None:
            for job in self._predicting:
                record = Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status="error", error="no luck")
                self._ledger.append(record)
                self._progress.finish(record)

    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("studies.gpu_validation.run.Stages", FailingStages)
    grid, out = tmp_path / "grid.yaml", tmp_path / "out"
    grid.write_text('{model: "random:tiny-llama", method: lora, rank: 4, seq-len: 32, seed: [0, 1]}')
    assert main(["--grid", str(grid), "--gpu", "h100-80gb", "--out", str(out), "--only", "predict"]) == 1
    name = "random:tiny-llama lora r=4 32 tokens"
    assert capsys.readouterr().err.splitlines() == [
        f"[1/2] {name}, seed 0: error: no luck",
        f"[2/2] {name}, seed 1: error: no luck",
        f"{name}, seed 0, predict: no luck",
        f"{name}, seed 1, predict: no luck",
    ]
