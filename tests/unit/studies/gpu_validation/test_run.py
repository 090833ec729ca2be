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
from ladderscope.records import Cell
from ladderscope.sweep.histories import history_path
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.worker import measure_job
from studies.gpu_validation.hardware import gpu_of_this_machine
from studies.gpu_validation.kept_traces import Kept
from studies.gpu_validation.page import page
from studies.gpu_validation.recorded import replay_problem
from studies.gpu_validation.recordings import read_recording
from studies.gpu_validation.requests import compare
from studies.gpu_validation.run import main

GRID = """
model: "random:tiny-llama"
method: ladder
reduction: 4
seq-len: 32
steps: 2
"""


def lines_of(ledger: Path) -> list[str]:
    return ledger.read_text().splitlines()


def test_it_runs_to_its_end_on_a_cpu_and_again_only_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, out = tmp_path / "grid.yaml", tmp_path / "out"
    grid.write_text(GRID)
    command = ["--grid", str(grid), "--meter", "cpu", "--gpu", "h100-80gb", "--out", str(out)]
    assert main(command) == 0
    records = read_ledger(out / "ledger.jsonl")
    assert {(record.meter, record.gpu, record.status) for record in records} == {
        ("cpu", None, "ok"),
        ("predict", "h100-80gb", "ok"),
    }
    assert (out / "README.md").read_text().startswith("> **A rehearsal on a CPU")
    assert not (out / "traces").exists()
    assert capsys.readouterr().out.strip() == str(out / "README.md")
    whole = lines_of(out / "ledger.jsonl")
    assert main(command) == 0
    assert lines_of(out / "ledger.jsonl") == whole
    kept = [line for line in whole if json.loads(line)["meter"] == "cpu"]
    (out / "ledger.jsonl").write_text("\n".join(kept) + "\n")
    assert main(command) == 0
    assert [json.loads(line)["meter"] for line in lines_of(out / "ledger.jsonl")] == ["cpu", "predict"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--grid", "grid.yaml", "--part", "headline"], "give one of --grid and --part"),
        (["--meter", "cuda"], "use --meter cpu"),
        (["--meter", "cpu"], "name one with --gpu"),
        (["--meter", "cpu", "--gpu", "h100"], "unknown GPU 'h100'"),
    ],
)
def test_wrong_use_ends_with_a_sentence_and_2(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err.replace("\n", " ")
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
