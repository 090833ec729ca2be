"""Makes the backbone, then trains every cell that the ledger lacks."""

from __future__ import annotations

from pathlib import Path

from ladderscope.records import Cell
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import fill, work_folder

from .backbone import pretrain
from .plan import cells_of, plan_of

EVALUATION_STEPS = 100
"""Steps that cost about as much as what a run does beside its own."""


def run(context: RunContext) -> None:
    """Fill the ledger; whatever is there, backbone and records, is not made again."""
    work = work_folder(context)
    pretrain(context, work)
    if not context.stop.is_set():
        cells = cells_of(plan_of(quick=context.quick))
        fill(context, cells, Path(__file__).with_name("worker.py"), work, cost_of)


def cost_of(cell: Cell) -> float:
    """Of a cell, in steps; good enough to tell how much time is left."""
    return float(cell.steps + EVALUATION_STEPS)
