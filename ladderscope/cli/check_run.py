"""Runs a check or an update under the eyes of its user."""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console

from ladderscope.cli.bar import preparing
from ladderscope.cli.check_outputs import Outputs
from ladderscope.cli.check_progress import CheckProgress
from ladderscope.cli.patient_console import PatientConsole
from ladderscope.errors import INTERRUPTED
from ladderscope.records import PREDICT
from ladderscope.regression.baseline import Baseline
from ladderscope.regression.check import updated, verdicts_of
from ladderscope.regression.plan import Plan, plan_check, plan_update
from ladderscope.regression.request import Request
from ladderscope.regression.run import Taken, take
from ladderscope.regression.update_file import update_file
from ladderscope.regression.verdict import CheckResult, EntryVerdict
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.interrupt import graceful_interrupt
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.slots import cuda_devices, num_cores

_LOG_WIDTH = 140


def check(request: Request, outputs: Outputs) -> int:
    """Compare with the baseline; returns the exit code."""
    start = time.monotonic()
    errors = PatientConsole(stderr=True)
    with preparing(errors):
        plan = plan_check(request)
    taken, is_interrupted = _take(plan, request, errors)
    names = [subject.name for subject in plan.subjects]
    result = CheckResult(
        baseline=request.baseline,
        verdicts=verdicts_of(names, plan.old.cells, taken, plan.limits),
        limits=plan.limits_as_text,
        unchecked=plan.unchecked,
        seconds=time.monotonic() - start,
        is_interrupted=is_interrupted,
        not_run=_not_run(plan, taken),
    )
    return outputs.write_check(result, output_console())


def update_baseline(request: Request, outputs: Outputs) -> int:
    """Write the baseline; returns the exit code."""
    start = time.monotonic()
    errors = PatientConsole(stderr=True)
    with preparing(errors):
        plan = plan_update(request)
    taken, is_interrupted = _take(plan, request, errors)
    if is_interrupted:
        errors.print(f"Interrupted: {request.baseline} is as it was.", highlight=False, markup=False)
        return INTERRUPTED
    fail_on = {name: limit.text for name, limit in request.limits().items()}
    verdicts: list[EntryVerdict] = []

    def change(old: Baseline) -> Baseline:
        new, verdicts[:] = updated(old, taken, plan.removed, fail_on)
        return new

    new, written = update_file(request.baseline, change)
    result = CheckResult(
        baseline=request.baseline,
        verdicts=verdicts,
        limits=dict(new.fail_on),
        unchecked=plan.unchecked,
        seconds=time.monotonic() - start,
        is_update=True,
        not_run=_not_run(plan, taken),
    )
    return outputs.write_update(result, output_console(), written=written)


def _not_run(plan: Plan, taken: Taken) -> list[str]:
    return sorted({subject.name for subject in plan.subjects} - taken.entries.keys() - taken.errors.keys())


def output_console() -> Console:
    """Standard output; wide where no terminal says how wide it is, as in the log of a CI job."""
    is_open_ended = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return PatientConsole(highlight=False, width=_LOG_WIDTH if is_open_ended else None)


def _take(plan: Plan, request: Request, console: Console) -> tuple[Taken, bool]:
    """What was measured or predicted, and whether the user asked to stop."""
    predictors = Predictors()
    cells = [subject.cell for subject in plan.subjects]
    is_prediction = request.meter == PREDICT
    slots = request.jobs or (num_cores() if is_prediction else 1)
    devices = cuda_devices() if request.meter == "cuda" else ()
    executor = LocalExecutor(slots, request.timeout, devices, predictors)
    try:
        with (
            CheckProgress(console, len(plan.subjects) * plan.repeat, cells) as progress,
            graceful_interrupt(progress.say) as stop,
        ):
            num_threads = max(1, num_cores() // slots)
            taken = take(plan.subjects, executor, progress, stop, repeat=plan.repeat, num_threads=num_threads)
    finally:
        predictors.close()
    return taken, stop.is_set()
