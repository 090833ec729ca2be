"""Predicted cells go into the ledger of a study that trains, by real workers, once."""

from __future__ import annotations

import threading
from pathlib import Path

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
    assert len(read_ledger(context.ledger)) == 3
    stopped = threading.Event()
    stopped.set()
    predict_missing(_context(tmp_path, said, stopped, retry=True), [TINY, BROKEN], "8GiB:sm86")
    assert len(read_ledger(context.ledger)) == 3
