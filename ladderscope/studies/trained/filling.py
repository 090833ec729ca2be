"""The cells that a study's ledger lacks, trained into it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ladderscope.ledger import Ledger
from ladderscope.records import Cell, Record
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.workers import train_all

WORK = "work"
_SECONDS_BETWEEN_LINES = 30.0


def work_folder(context: RunContext) -> Path:
    """What all studies share that is made and not committed: texts, backbones, tasks; workers run in it."""
    work = context.folder.parent / WORK
    work.mkdir(exist_ok=True)
    return work


def slots_of(context: RunContext) -> int:
    """How many workers: as many as were asked for, else two, a core each."""
    return context.jobs or min(2, os.cpu_count() or 1)


def fill(
    context: RunContext, cells: Sequence[Cell], script: Path, work: Path, cost_of: Callable[[Cell], float]
) -> None:
    """Train what is missing; what has a record is not trained again.

    Args:
        context: of the run.
        cells: of the whole plan, in the order in which they are to run.
        script: of the worker.
        work: folder in which it runs.
        cost_of: a cell's cost in any unit, for the time that is left.
    """
    with Ledger(context.ledger) as ledger:
        missing = missing_cells(cells, ledger.records, retry_failed=context.retry_failed)
        progress = Progress({cell.cell_id: cost_of(cell) for cell in missing}, context.say)

        def keep(record: Record) -> None:
            ledger.append(record)
            progress.advance(record)

        train_all(missing, script, slots_of(context), work.resolve(), keep, context.stop)


def missing_cells(cells: Sequence[Cell], records: Sequence[Record], *, retry_failed: bool) -> list[Cell]:
    """Those without a record, or without one that ended well, in their order."""
    done = {record.cell.cell_id for record in records if record.status == "ok" or not retry_failed}
    return [cell for cell in cells if cell.cell_id not in done]


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
