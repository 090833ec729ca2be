"""The predicted cells that the ledger of a study that trains lacks."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.ledger import Ledger
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import Progress, slots_of
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import missing_jobs, run_jobs

_FAILED = ("error", "timeout")


def predict_missing(context: RunContext, cells: Sequence[Cell], gpu: str) -> None:
    """Predict what is missing, for ``gpu``, by the sweep's own workers; records go to the ledger beside the others.

    After ``context.stop`` no further cell begins.

    Args:
        context: of the run.
        cells: of the whole plan.
        gpu: of the table of GPUs, or described as ``12GiB:sm86``.
    """
    jobs = [Job(cell, PREDICT, find_gpu(gpu).name, num_threads=1) for cell in cells]
    predictors = Predictors()
    try:
        with Ledger(context.ledger) as ledger:
            missing = missing_jobs(jobs, ledger.records, lambda one: context.retry_failed and one.status in _FAILED)
            told = _Told(Progress({job.cell.cell_id: 1.0 for job in missing}, context.say))
            run_jobs(missing, LocalExecutor(slots_of(context), predictors=predictors), ledger, told, context.stop)
    finally:
        predictors.close()


class _Told:
    """A sweep's progress, said as that of training is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def tick(self, job: Job, fraction: float) -> None:
        """A prediction takes seconds: how far one is, nobody needs to know."""

    def finish(self, record: Record) -> None:
        """A cell is done."""
        self._progress.advance(record)
