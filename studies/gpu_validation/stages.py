"""Runs measurements on the GPU one after the other, and then predictions on all cores of the processor."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.interrupt import Stop
from ladderscope.sweep.measurers import Measurers
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Progress, Sink, run_jobs
from ladderscope.sweep.slots import cuda_devices

_FEW = 4
"""Cores of a machine on which nothing should run beside a measurement."""


def num_cores() -> int:
    """All that this process may use; each job has one thread, whatever OMP_NUM_THREADS says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Stages:
    """Both kinds of jobs, into one ledger, never at the same time: predictions would slow the measured steps down.

    Args:
        measuring: jobs for the GPU, in this order, so that what matters most is done first.
        predicting: jobs for the processor.
        ledger: takes all records.
        progress: is told.
        timeout_seconds: that a job may take.
    """

    def __init__(
        self,
        measuring: Sequence[Job],
        predicting: Sequence[Job],
        ledger: Sink,
        progress: Progress,
        timeout_seconds: float | None,
    ) -> None:
        self._measuring, self._predicting = measuring, predicting
        self._ledger, self._progress = ledger, progress
        self._predictors = Predictors()
        self._measurers = Measurers()
        devices = cuda_devices()[:1] if any(job.meter == "cuda" for job in measuring) else ()
        self._on_gpu = LocalExecutor(1, timeout_seconds, devices, measurers=self._measurers)
        self._on_cores = LocalExecutor(num_cores(), timeout_seconds, predictors=self._predictors)

    def run(self, stop: Stop) -> None:
        """Run all; once ``stop`` is set no further job begins, and those that run end where it is at once."""
        try:
            for number, job in enumerate(self._measuring, start=1):
                # The next process imports what it needs while this one loads its model.
                self._measurers.ahead = num_cores() > _FEW and number < len(self._measuring)
                run_jobs([job], self._on_gpu, self._ledger, self._progress, stop)
            run_jobs(self._predicting, self._on_cores, self._ledger, self._progress, stop)
        finally:
            self._predictors.close()
            self._measurers.close()
