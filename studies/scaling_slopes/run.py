"""Makes the backbones, then trains every cell that the ledger lacks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ladderscope.ledger import Ledger
from ladderscope.records import Cell, Record
from ladderscope.studies.run import RunContext

from .corpus import prepare_text, prepare_tokenizer
from .family import FAMILY, VOCABULARY, Plan, cells_of, plan_of
from .workers import pretrain_all, pretraining_settings, train_all

WORK = "work"
STEP_OVERHEAD = 5_000_000
"""Parameters that cost as much per token as what a small model's step spends beside its matrix products."""
EVALUATION_STEPS = 10
"""Steps that cost about as much as what a run does beside its own."""
_SECONDS_BETWEEN_LINES = 30.0


def run(context: RunContext) -> None:
    """Fill the ledger; whatever is there, backbones and records, is not made again."""
    plan = plan_of(quick=context.quick)
    work = context.folder / WORK
    work.mkdir(exist_ok=True)
    slots = context.jobs or min(2, os.cpu_count() or 1)
    text = prepare_text(work, context.say)
    tokenizer = prepare_tokenizer(work, text, VOCABULARY)
    pretrain_all(
        [pretraining_settings(plan, one, work.resolve(), text.resolve(), tokenizer.resolve()) for one in plan.family],
        slots,
        context.say,
        context.stop,
    )
    if context.stop.is_set():
        return
    with Ledger(context.ledger) as ledger:
        cells = missing_cells(plan, ledger.records, retry_failed=context.retry_failed)
        progress = Progress({cell.cell_id: cost_of(cell) for cell in cells}, context.say)
        train_all(cells, slots, work.resolve(), lambda record: _keep(record, ledger, progress), context.stop)


def missing_cells(plan: Plan, records: Sequence[Record], *, retry_failed: bool) -> list[Cell]:
    """The cells without a record, or without one that ended well, in the order in which they are run."""
    done = {record.cell.cell_id for record in records if record.status == "ok" or not retry_failed}
    return [cell for cell in cells_of(plan) if cell.cell_id not in done]


def cost_of(cell: Cell) -> float:
    """Of a cell, in a unit of its own; good enough to tell how much time is left."""
    sizes = {one.name: one.parameters for one in FAMILY}
    return (sizes[cell.model] + STEP_OVERHEAD) * (cell.steps + EVALUATION_STEPS)


def _keep(record: Record, ledger: Ledger, progress: Progress) -> None:
    ledger.append(record)
    progress.advance(record)


@dataclass
class Progress:
    """Says now and then how far it is, and how long the rest takes at the pace so far."""

    costs: dict[str, float]
    say: Callable[[str], None]
    start: float = field(default_factory=time.monotonic)
    done: float = 0.0
    cells: int = 0
    last: float = float("-inf")

    def advance(self, record: Record) -> None:
        """A cell is done."""
        self.done += self.costs[record.cell.cell_id]
        self.cells += 1
        now = time.monotonic()
        if record.status != "ok":
            self.say(f"{record.cell.label}: {record.error}")
        if now - self.last >= _SECONDS_BETWEEN_LINES or self.cells == len(self.costs):
            left = (now - self.start) * (sum(self.costs.values()) / self.done - 1)
            self.say(f"{self.cells} of {len(self.costs)} cells, about {left / 60:.0f} minutes left")
            self.last = now
