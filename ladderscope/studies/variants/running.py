"""Runs a plan of variants: predictions first, which take a minute or two, then the training."""

from __future__ import annotations

from ladderscope.backbones.wheel import smollm2_folder
from ladderscope.records import Cell
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import fill, work_folder
from ladderscope.studies.trained.held_out import HELD_OUT_WORKER
from ladderscope.studies.trained.predicting import predict_missing
from ladderscope.studies.variants.cells import GPU, predicted_cells, trained_cells
from ladderscope.studies.variants.plan import Plan


def run_plan(context: RunContext, plan: Plan) -> None:
    """Fill the ledger with what it lacks of the plan.

    Args:
        context: of the run.
        plan: what is to be there.
    """
    predict_missing(context, predicted_cells(plan), GPU)
    if context.stop.is_set():
        return
    smollm2_folder(context.say)  # here, so that workers do not wait for each other
    fill(context, trained_cells(plan), HELD_OUT_WORKER, work_folder(context), cost_of)


def cost_of(cell: Cell) -> float:
    """Of a training run, in runs whose side network costs nothing; good enough to tell how much time is left."""
    return 1 + 2 / (cell.reduction_factor or 1)
