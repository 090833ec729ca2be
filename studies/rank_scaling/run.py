"""Makes the backbones, then trains every cell that the ledger lacks."""

from __future__ import annotations

from pathlib import Path

from ladderscope.records import Cell
from ladderscope.studies.pretrained.kjv import pretrain_on_kjv
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import fill, work_folder

from .plan import BACKBONES, cells_of, plan_of

STEP_OVERHEAD = 5_000_000
"""Parameters that cost as much per token as what a small model's step spends beside its matrix products."""


def run(context: RunContext) -> None:
    """Fill the ledger; whatever is there, backbones and records, is not made again."""
    plan, work = plan_of(quick=context.quick), work_folder(context)
    pretrain_on_kjv(context, plan.backbones, work)
    if not context.stop.is_set():
        fill(context, cells_of(plan), Path(__file__).with_name("worker.py"), work, cost_of)


def cost_of(cell: Cell) -> float:
    """Of a cell, in a unit of its own; all have the same steps, so the backbone decides."""
    sizes = {one.name: one.parameters for one in BACKBONES}
    return sizes[cell.model] + STEP_OVERHEAD
