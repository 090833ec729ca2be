"""Runs a study under the eyes of its user."""

from __future__ import annotations

import threading

from rich.console import Console
from rich.markup import escape

from ladderscope.cli.progress import SweepProgress
from ladderscope.errors import INTERRUPTED
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.records import Record
from ladderscope.studies.compare import agreement_lines
from ladderscope.studies.folder import Study
from ladderscope.studies.run import RunContext, fill_ledger, study_jobs
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.interrupt import graceful_interrupt
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import run_jobs
from ladderscope.sweep.slots import cuda_devices, num_cores

SOME_FAILED = 1
_FAILED = ("error", "timeout")


def run(study: Study, *, quick: bool, jobs: int | None, retry_failed: bool) -> int:
    """Fill the study's ledger, and say how a quick one compares; returns the exit code."""
    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(escape(line), highlight=False, soft_wrap=True)

    path = study.ledger(quick=quick)
    if (own_run := study.own_run) is not None:
        own_run(RunContext(study.folder, path, quick, jobs, say))
    elif not _run_grid(study, console, quick=quick, jobs=jobs, retry_failed=retry_failed):
        say("Interrupted: the same command runs what is missing.")
        return INTERRUPTED
    records = read_ledger(path) if path.exists() else []
    if quick:
        for line in agreement_lines(records, study.records()):
            say(line)
    else:
        say(f"{path} is complete: `ladderscope study report {study.name}` says what it means.")
    return SOME_FAILED if any(record.status in _FAILED for record in records) else 0


def _run_grid(study: Study, console: Console, *, quick: bool, jobs: int | None, retry_failed: bool) -> bool:
    wanted = study_jobs(study, quick=quick)
    is_prediction = all(job.is_prediction for job in wanted)
    slots = jobs or (num_cores() if is_prediction else 1)
    if not is_prediction:
        wanted = study_jobs(study, quick=quick, num_threads=max(1, num_cores() // slots))
    predictors = Predictors()
    devices = cuda_devices() if any(job.meter == "cuda" for job in wanted) else ()
    try:
        with Ledger(study.ledger(quick=quick)) as ledger:
            rounds = _Rounds(LocalExecutor(slots, None, devices, predictors), ledger, console)
            return fill_ledger(
                study, ledger, wanted, rounds.run, quick=quick, again=lambda r: retry_failed and r.status in _FAILED
            )
    finally:
        predictors.close()


class _Rounds:
    """Runs jobs into a ledger, with a bar for each round."""

    def __init__(self, executor: LocalExecutor, ledger: Ledger, console: Console) -> None:
        self._executor, self._ledger, self._console = executor, ledger, console

    def run(self, jobs: list[Job]) -> bool:
        """Whether all of them were run."""
        _prepare_models(jobs, self._console)
        with (
            SweepProgress(self._console, len(jobs)) as progress,
            graceful_interrupt(progress.say, self._executor.cancel) as stop,
        ):
            new = run_jobs(jobs, self._executor, self._ledger, progress, stop)
        return _all_done(jobs, new, stop)


def _all_done(jobs: list[Job], new: list[Record], stop: threading.Event) -> bool:
    return not stop.is_set() and len(new) == len(jobs)


def _prepare_models(jobs: list[Job], console: Console) -> None:
    from ladderscope.backbones.names import SMOLLM2
    from ladderscope.backbones.wheel import smollm2_folder

    if any(job.cell.model == SMOLLM2 and not job.is_prediction for job in jobs):
        smollm2_folder(lambda line: console.print(line, highlight=False))
