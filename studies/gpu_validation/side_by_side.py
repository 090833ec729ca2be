"""Runs measurements on the GPU one after the other, and predictions on the processor's other cores meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.measurers import Measurers
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Progress, Sink, run_jobs
from ladderscope.sweep.slots import cuda_devices, num_cores

_OTHER_CORES = 4
"""For the measurement's own threads and the process that waits for its turn."""
_FEW = 2
"""Cores of a machine on which nothing should run beside a measurement."""


class SideBySide:
    """Both kinds of jobs, into one ledger.

    Args:
        measuring: jobs for the GPU, in this order.
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
        on_gpu = any(job.meter == "cuda" for job in measuring)
        self._has_cores = on_gpu and num_cores() > _OTHER_CORES
        self._measuring, self._predicting = measuring, predicting
        self._sink, self._progress = _Shared(ledger), progress
        self._predictors = Predictors()
        self._measurers = Measurers(ahead=self._has_cores)
        devices = cuda_devices()[:1] if on_gpu else ()
        slots = num_cores() - _OTHER_CORES if self._has_cores else min(_FEW, num_cores())
        self._on_gpu = LocalExecutor(1, timeout_seconds, devices, measurers=self._measurers)
        self._on_cores = LocalExecutor(slots, timeout_seconds, predictors=self._predictors)

    def run(self, stop: threading.Event) -> None:
        """Run all; once ``stop`` is set no further job begins."""
        try:
            if self._has_cores:
                beside = threading.Thread(target=self._predict, args=(stop,))
                beside.start()
                try:
                    self._measure(stop)
                except BaseException:
                    self.cancel()
                    raise
                finally:
                    beside.join()
            else:
                self._measure(stop)
                self._predict(stop)
        finally:
            self._predictors.close()
            self._measurers.close()

    def cancel(self) -> None:
        """End what runs, at once."""
        self._on_gpu.cancel()
        self._on_cores.cancel()

    def _measure(self, stop: threading.Event) -> None:
        # One by one, so that they keep their order: the most important ones come first.
        for job in self._measuring:
            run_jobs([job], self._on_gpu, self._sink, self._progress, stop)

    def _predict(self, stop: threading.Event) -> None:
        run_jobs(self._predicting, self._on_cores, self._sink, self._progress, stop)


class _Shared:
    """A ledger that two threads write to."""

    def __init__(self, ledger: Sink) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()

    def append(self, record: Record) -> None:
        """Keep the record."""
        with self._lock:
            self._ledger.append(record)
