"""Filling a study's ledger: the cells of its grid, then those that its analysis asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ladderscope.errors import UsageError
from ladderscope.ledger import Ledger
from ladderscope.memory.meters import resolve_meter
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.studies.definition import Document
from ladderscope.studies.folder import Study
from ladderscope.sweep.checks import check_meter
from ladderscope.sweep.grid import resolve_cells
from ladderscope.sweep.host_memory import check_host_memory
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import missing_jobs

RunRound = Callable[[list[Job]], bool]
"""Runs jobs into the ledger; says whether all of them were run."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a study that runs by itself is given: ``run(context)`` in its ``run.py``.

    Attributes:
        folder: of the study.
        ledger: to append records to, through ``ladderscope.ledger.Ledger``; what it holds is not to be run again.
        quick: whether a few minutes are to suffice.
        jobs: how many cells at a time; None leaves it to the study.
        say: prints a line.
        retry_failed: whether cells that ended with an error or a timeout are to run again.
        stop: set by the first Ctrl-C: no further cell is to begin.
    """

    folder: Path
    ledger: Path
    quick: bool
    jobs: int | None
    say: Callable[[str], None]
    retry_failed: bool
    stop: threading.Event


def study_jobs(study: Study, *, quick: bool) -> list[Job]:
    """The jobs of the study's grid, each once, with one thread: on several, steps of one run differ twofold.

    Raises:
        UsageError: no grid, or a cell that cannot work.
    """
    documents = study.definition.quick_grid if quick else study.definition.grid
    if not documents:
        name = "quick-grid" if quick else "grid"
        raise UsageError(f"the study {study.name} has no {name} in {study.folder / 'study.yaml'}: write one.")
    return _once(job for document in documents for job in _jobs(document, study.definition.meter))


def _jobs(document: Document, meter: str) -> list[Job]:
    cells = resolve_cells(document.grid)
    if document.gpu is not None:
        return [_predicted(cell, document.gpu) for cell in cells]
    resolved = resolve_meter(meter)
    check_meter(cells, resolved.name)
    check_host_memory(cells, meter=resolved.name)
    return [Job(cell, resolved.name, resolved.hardware(), num_threads=1) for cell in cells]


def _predicted(cell: Cell, gpu: str) -> Job:
    return Job(cell, PREDICT, find_gpu(gpu).name, num_threads=1)


def _once(jobs: Iterable[Job]) -> list[Job]:
    return list({job.key: job for job in jobs}.values())


def fill_ledger(
    study: Study,
    ledger: Ledger,
    jobs: Sequence[Job],
    run_round: RunRound,
    *,
    quick: bool,
    again: Callable[[Record], bool],
) -> bool:
    """Run what the ledger lacks of ``jobs``, and then, round by round, of what the analysis asks for.

    Args:
        study: whose analysis is asked.
        ledger: open for writing; ``run_round`` appends to it.
        jobs: of the grid.
        run_round: runs jobs.
        quick: whether the analysis is not asked.
        again: records of ``jobs`` that are made anew.

    Returns:
        Whether all was run.
    """
    to_run = missing_jobs(jobs, ledger.records, again)
    while True:
        if to_run and not run_round(to_run):
            return False
        wanted = [] if quick else _once(_predicted(cell, gpu) for cell, gpu in study.further(ledger.records))
        # A job that failed has a record too, so that this comes to an end.
        to_run = missing_jobs(wanted, ledger.records, lambda record: False)
        if not to_run:
            return True
