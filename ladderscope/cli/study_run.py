"""Runs a study under the eyes of its user."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ladderscope.cli.progress import SweepProgress
from ladderscope.errors import INTERRUPTED
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.memory.predict.gpus import find_gpu, gpu_names
from ladderscope.records import Record
from ladderscope.studies.compare import agreement_lines, agreements
from ladderscope.studies.folder import OWN_RUN, Study
from ladderscope.studies.run import RunContext, fill_ledger, study_jobs
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.interrupt import graceful_interrupt
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import run_jobs
from ladderscope.sweep.slots import cuda_devices, num_cores
from ladderscope.units import counted

SOME_FAILED = 1
_FAILED = ("error", "timeout")


def run(study: Study, *, quick: bool, jobs: int | None, retry_failed: bool) -> int:
    """Fill the study's ledger, and say how a quick one compares; returns the exit code."""
    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(escape(line), highlight=False, soft_wrap=True)

    path = study.ledger(quick=quick)
    if quick:
        _start_afresh(path)
    if not _fill(study, console, say, quick=quick, jobs=jobs, retry_failed=retry_failed):
        say(f"Interrupted: the same command {'starts it again' if quick else 'runs what is missing'}.")
        return INTERRUPTED
    if not path.exists():
        say(f"{study.folder / OWN_RUN} has left no ledger {path}: it must append its records there.")
        return SOME_FAILED
    records = read_ledger(path)
    agrees = not quick or _agrees(study, records, say)
    if not quick:
        say(f"{path} is complete: `ladderscope study report {study.name}` says what it means.")
    return SOME_FAILED if not agrees or any(record.status in _FAILED for record in records) else 0


def _start_afresh(path: Path) -> None:
    """A quick run compares what runs now, so nothing of an earlier one may be left."""
    if path.exists():
        with Ledger(path):  # nobody else is writing to it
            path.unlink()


def _fill(
    study: Study, console: Console, say: Callable[[str], None], *, quick: bool, jobs: int | None, retry_failed: bool
) -> bool:
    """Run the study, by itself or from its grid; whether it came to its end."""
    own_run = study.own_run
    if own_run is None:
        return _run_grid(study, console, quick=quick, jobs=jobs, retry_failed=retry_failed)
    with graceful_interrupt(say, last=2) as stop:
        own_run(RunContext(study.folder, study.ledger(quick=quick), quick, jobs, say, retry_failed, stop))
    return not stop.is_set()


def _agrees(study: Study, records: list[Record], say: Callable[[str], None]) -> bool:
    """Whether the quick run is as near to the committed ledger as study.yaml asks for; says how near."""
    found, tolerance = agreements(records, study.records()), study.definition.quick_tolerance
    say(f"Ran {counted(len(records), 'cell')} now.")
    for line in agreement_lines(found):
        say(line)
    off = [f"{one.quantity} ({tolerance[one.quantity]:g})" for one in found if not one.is_within(tolerance)]
    if off:
        say(f"Further off than the quick-tolerance of study.yaml: {', '.join(off)}.")
    return not off


def _run_grid(study: Study, console: Console, *, quick: bool, jobs: int | None, retry_failed: bool) -> bool:
    slots = jobs or 1
    wanted = study_jobs(study, quick=quick)
    predictors = Predictors()
    devices = cuda_devices() if any(job.meter == "cuda" for job in wanted) else ()
    try:
        with Ledger(study.ledger(quick=quick)) as ledger:
            predicting = LocalExecutor(jobs or num_cores(), predictors=predictors)
            rounds = _Rounds(predicting, LocalExecutor(slots, None, devices), ledger, console)
            return fill_ledger(
                study, ledger, wanted, rounds.run, quick=quick, again=lambda r: retry_failed and r.status in _FAILED
            )
    finally:
        predictors.close()


class _Rounds:
    """Runs jobs into a ledger, with a bar for each round: predictions first, as none may run beside a measurement."""

    def __init__(self, predicting: LocalExecutor, measuring: LocalExecutor, ledger: Ledger, console: Console) -> None:
        self._predicting, self._measuring, self._ledger, self._console = predicting, measuring, ledger, console
        self._explained: list[str] = []

    def run(self, jobs: list[Job]) -> bool:
        """Whether all of them were run."""
        predicted = [job for job in jobs if job.is_prediction]
        self._explain_gpus([job.gpu for job in predicted if job.gpu is not None])
        measured = [job for job in jobs if not job.is_prediction]
        _prepare_models(measured, self._console)
        return self._run(predicted, self._predicting) and self._run(measured, self._measuring)

    def _explain_gpus(self, names: list[str]) -> None:
        """Say once what those are that are named by their memory and architecture."""
        for name in dict.fromkeys(names):
            if name not in (*gpu_names(), *self._explained):
                self._explained.append(name)
                self._console.print(f"{name}: {find_gpu(name).description}", highlight=False, markup=False)

    def _run(self, jobs: list[Job], executor: LocalExecutor) -> bool:
        if not jobs:
            return True
        with (
            SweepProgress(self._console, len(jobs), [job.cell for job in jobs]) as progress,
            graceful_interrupt(progress.say) as stop,
        ):
            new = run_jobs(jobs, executor, self._ledger, progress, stop)
        return _all_done(jobs, new, stop)


def _all_done(jobs: list[Job], new: list[Record], stop: threading.Event) -> bool:
    return not stop.is_set() and len(new) == len(jobs)


def _prepare_models(jobs: list[Job], console: Console) -> None:
    from ladderscope.backbones.names import SMOLLM2
    from ladderscope.backbones.wheel import smollm2_folder

    if any(job.cell.model == SMOLLM2 for job in jobs):
        smollm2_folder(lambda line: console.print(line, highlight=False))
