"""What has a record is not trained again, and the time that is left is said."""

from __future__ import annotations

import dataclasses

from ladderscope.records import Cell, Record
from ladderscope.studies.trained.filling import Progress, missing_cells

CELLS = [Cell(model="m", method="lora", rank=8, steps=steps) for steps in (8, 4, 2, 1)]
RECORDS = [Record(cell=cell, meter="cpu", status="ok") for cell in CELLS]


def test_cells_with_a_result_are_not_trained_again_and_failed_ones_if_asked() -> None:
    known = [dataclasses.replace(RECORDS[0], status="error"), RECORDS[1]]
    assert missing_cells(CELLS, known, retry_failed=False) == CELLS[2:]
    assert missing_cells(CELLS, known, retry_failed=True) == [CELLS[0], *CELLS[2:]]


def test_the_time_that_is_left_shrinks_with_the_cost_of_what_is_done() -> None:
    said: list[str] = []
    progress = Progress({cell.cell_id: float(cell.steps) for cell in CELLS}, said.append)
    for record in RECORDS:
        progress.advance(record)
    assert said[0].startswith("1 of 4 cells")
    assert said[-1] == "4 of 4 cells, about 0 minutes left"


def test_a_cell_that_failed_is_said_at_once() -> None:
    said: list[str] = []
    progress = Progress({CELLS[0].cell_id: 1.0, CELLS[1].cell_id: 1.0}, said.append)
    progress.advance(dataclasses.replace(RECORDS[0], status="error", error="ValueError: no"))
    assert said[0].endswith("ValueError: no")
