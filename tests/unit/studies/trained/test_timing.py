"""Seconds of a step, whatever else the machine did."""

from __future__ import annotations

from ladderscope.records import Cell, Record
from ladderscope.studies.trained.timing import quiet_seconds

CELL = Cell(model="m", method="lora", rank=8)


def run(*seconds: float) -> Record:
    return Record(cell=CELL, meter="cpu", status="ok", step_seconds=list(seconds))


def test_steps_that_waited_and_first_steps_do_not_count() -> None:
    assert quiet_seconds([run(9.0, 1.0, 1.0, 4.0), run(8.0, 1.0, 5.0, 1.0)]) == 1.0


def test_a_run_of_one_step_counts_and_no_step_has_no_seconds() -> None:
    assert quiet_seconds([run(2.0)]) == 2.0
    assert quiet_seconds([run()]) is None
