"""Worker processes that predict one cell after the other."""

from __future__ import annotations

import threading

from ladderscope.sweep.process import WorkerProcess


class Predictors:
    """Starts them, and keeps those that wait for another job.

    A prediction leaves nothing behind that another one could see: its device is made anew each time. Starting a
    process takes longer than most predictions.
    """

    def __init__(self) -> None:
        self._idle: list[WorkerProcess] = []
        self._lock = threading.Lock()

    def start_early(self, count: int) -> None:
        """Start so many before there is a job: they import what they need while the caller does the same."""
        with self._lock:
            self._idle += [_start() for _ in range(count)]

    def take(self) -> WorkerProcess:
        """One that waits for a job, or a new one."""
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_running:
                    return worker
                worker.close()
        return _start()

    def give_back(self, worker: WorkerProcess) -> None:
        """It waits for another job now."""
        with self._lock:
            self._idle.append(worker)

    def close(self) -> None:
        """Let those go that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()


def _start() -> WorkerProcess:
    # It must not find a real GPU, and PyTorch's compiler, which takes seconds to import, has nothing to do.
    return WorkerProcess({"CUDA_VISIBLE_DEVICES": "", "TORCHDYNAMO_DISABLE": "1"}, ["--predict"])
