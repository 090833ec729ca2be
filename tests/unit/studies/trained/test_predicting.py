"""Predicted cells go into the ledger of a study that trains, by real workers, once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ladderscope.ledger import Ledger, read_ledger
from ladderscope.records import Cell, Record
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.predicting import predict_missing

TINY = Cell(
    model="random:tiny-llama", method="ladder", reduction_factor=4, seq_len=16, quantization="nf4-dq", data="random"
)
BROKEN = Cell(model="random:tiny-llama", method="ladder", reduction_factor=5, seq_len=16, data="random")


def _context(folder: Path, said: list[str], stop: threading.Event, *, retry: bool = False) -> RunContext:
    return RunContext(folder, folder / "ledger.jsonl", False, 1, said.append, retry, stop)


@pytest.mark.slow
def test_what_is_missing_is_predicted_beside_what_was_trained_and_not_again(tmp_path: Path) -> None:
    said: list[str] = []
    context = _context(tmp_path, said, threading.Event())
    with Ledger(context.ledger) as ledger:
        ledger.append(Record(cell=TINY, meter="cpu", status="ok"))
    predict_missing(context, [TINY, BROKEN], "8GiB:sm86")
    trained, *predicted = read_ledger(context.ledger)
    assert trained.meter == "cpu"
    assert {(one.cell.cell_id, one.status) for one in predicted} == {(TINY.cell_id, "ok"), (BROKEN.cell_id, "error")}
    (done,) = [one for one in predicted if one.status == "ok"]
    assert (done.meter, done.gpu) == ("predict", "8GiB:sm86")
    assert done.memory is not None
    assert done.memory.peak_allocated_bytes > 0
    assert any(line.startswith("2 of 2 cells") for line in said)
    predict_missing(context, [TINY, BROKEN], "8GiB:sm86")
    assert read_ledger(context.ledger) == [trained, *predicted]


def test_what_has_a_record_is_left_alone_whether_or_not_it_ended_well(tmp_path: Path) -> None:
    said: list[str] = []
    context = _context(tmp_path, said, threading.Event())
    known = [
        Record(cell=TINY, meter="predict", gpu="8GiB:sm86", status="ok"),
        Record(cell=BROKEN, meter="predict", gpu="8GiB:sm86", status="error", error="no"),
    ]
    with Ledger(context.ledger) as ledger:
        for record in known:
            ledger.append(record)
    predict_missing(context, [TINY, BROKEN], "8GiB:sm86")
    assert read_ledger(context.ledger) == known
    assert not said


def test_after_an_interrupt_nothing_begins(tmp_path: Path) -> None:
    stopped = threading.Event()
    stopped.set()
    context = _context(tmp_path, [], stopped, retry=True)
    predict_missing(context, [TINY, BROKEN], "8GiB:sm86")
    assert not context.ledger.exists() or read_ledger(context.ledger) == []
