"""Worker processes that measure, a fresh one for each cell."""

from __future__ import annotations

import threading

from ladderscope.sweep.process import WorkerProcess


class Measurers:
    """Starts them.

    Attributes:
        ahead: whether the next one starts as soon as one is taken, so that its imports are done when its cell comes.
            That takes a core which the measurement has no use for, so it is for GPUs.
    """

    def __init__(self, ahead: bool = False) -> None:
        self.ahead = ahead
        self._waiting: dict[str | None, WorkerProcess] = {}
        self._lock = threading.Lock()

    def take(self, device: str | None) -> WorkerProcess:
        """A process that has measured nothing yet; ``device`` is the CUDA device that it sees, None for all."""
        with self._lock:
            worker = self._waiting.pop(device, None)
            if self.ahead:
                self._waiting[device] = _start(device)
        if worker is not None and worker.is_running:
            return worker
        return _start(device)

    def close(self) -> None:
        """Let those go that wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for worker in waiting.values():
            worker.close()


def _start(device: str | None) -> WorkerProcess:
    return WorkerProcess({} if device is None else {"CUDA_VISIBLE_DEVICES": device}, ["--measure"])
