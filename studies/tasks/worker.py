"""A worker of this study."""

from __future__ import annotations

from pathlib import PurePosixPath

from ladderscope.records import Cell, Record
from ladderscope.studies.answering.cells import measure_task
from ladderscope.studies.answering.tasks import TASKS
from ladderscope.studies.trained.serving import serve


def measure(cell: Cell) -> Record:
    """The record of a cell; the folder of its data names the task."""
    return measure_task(cell, TASKS[PurePosixPath(cell.data).parent.name])


if __name__ == "__main__":
    serve(measure)
