"""Executors: what runs a job somewhere and brings back its record."""

from __future__ import annotations

import queue
import signal
import threading
from pathlib import Path
from typing import Any, Protocol

from ladderscope.records import Record, Status
from ladderscope.sweep.measurers import Measurers
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.process import Tick, WorkerProcess
from ladderscope.sweep.protocol import Job


class Executor(Protocol):
    """Runs jobs, each measured one in a fresh process."""

    slots: int
    """How many jobs it runs at a time."""

    def run(self, job: Job, tick: Tick) -> Record | None:
        """Measure the job and wait for it; a job that fails gives a record that says so, a cancelled one None."""
        ...

    def cancel(self) -> None:
        """End the running jobs at once."""
        ...


class LocalExecutor:
    """Processes of this machine: a fresh one for each measured cell, one per slot for all predicted ones.

    A measurement must not see what an earlier one left behind in its process.

    Args:
        slots: how many at a time.
        timeout_seconds: after which a cell is ended, None for never.
        devices: CUDA devices to hand out to the slots, round robin; empty where none is used.
        predictors: the processes for predictions, which the caller lets go; needed for no other job.
        measurers: those for measurements, which the caller lets go where they start ahead.
    """

    def __init__(
        self,
        slots: int = 1,
        timeout_seconds: float | None = None,
        devices: tuple[str, ...] = (),
        predictors: Predictors | None = None,
        measurers: Measurers | None = None,
    ) -> None:
        self.slots = slots
        self._timeout_seconds = timeout_seconds
        self._running: set[WorkerProcess] = set()
        self._predictors = predictors or Predictors()
        self._measurers = measurers or Measurers()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._devices: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        for slot in range(slots):
            self._devices.put(devices[slot % len(devices)] if devices else None)

    def run(self, job: Job, tick: Tick) -> Record | None:
        """Measure or predict the job."""
        device = self._devices.get()
        try:
            return self._run(job, tick, device)
        finally:
            self._devices.put(device)

    def cancel(self) -> None:
        """End the running jobs at once; jobs that have not begun do not begin."""
        with self._lock:
            self._cancelled.set()
            for worker in self._running:
                worker.kill()

    def _run(self, job: Job, tick: Tick, device: str | None) -> Record | None:
        oom_kills = _count_oom_kills()
        with self._lock:
            if self._cancelled.is_set():
                return None
            worker = self._predictors.take() if job.is_prediction else self._measurers.take(device)
            self._running.add(worker)
        timed_out = threading.Event()
        timer = _start_timer(self._timeout_seconds, worker, timed_out)
        try:
            message = worker.run(job, tick)
        finally:
            timer.cancel()
            if timer.is_alive():
                timer.join()  # it may have begun: what it ends must not be the next job
            with self._lock:
                self._running.discard(worker)
        if self._cancelled.is_set():
            worker.close()
            return None
        if job.is_prediction and ("record" in message or "failure" in message) and not timed_out.is_set():
            self._predictors.give_back(worker)
            return _record_of(job, message)
        try:
            return self._record_of_ended(job, message, worker, timed_out.is_set(), oom_kills)
        finally:
            worker.close()

    def _record_of_ended(
        self, job: Job, message: dict[str, Any], worker: WorkerProcess, timed_out: bool, oom_kills: int
    ) -> Record:
        if "record" in message:
            return _record_of(job, message)
        if timed_out:
            return _failed(job, "timeout", f"took longer than the {self._timeout_seconds:g} seconds of --timeout")
        if "failure" in message:
            return _record_of(job, message)
        killed = worker.returncode == -signal.SIGKILL
        # A prediction that the host has no room for says nothing about the GPU.
        ran_out = killed and _count_oom_kills() > oom_kills and not job.is_prediction
        status: Status = "oom" if ran_out else "error"
        return _failed(job, status, _how_it_ended(worker))


def _record_of(job: Job, message: dict[str, Any]) -> Record:
    if "record" in message:
        return Record.from_json(message["record"])
    return _failed(job, message["failure"]["status"], message["failure"]["error"])


def _start_timer(seconds: float | None, worker: WorkerProcess, timed_out: threading.Event) -> threading.Timer:
    def end() -> None:
        timed_out.set()
        worker.kill()

    timer = threading.Timer(seconds if seconds is not None else threading.TIMEOUT_MAX, end)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    return timer


def _failed(job: Job, status: Status, error: str) -> Record:
    return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status=status, error=error)


def _how_it_ended(worker: WorkerProcess) -> str:
    if worker.returncode < 0:
        return f"the process was killed by {signal.Signals(-worker.returncode).name}"
    return f"the process ended with exit code {worker.returncode}: {worker.last_words()}"


def _count_oom_kills() -> int:
    try:
        fields = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except OSError:
        return 0
    return int(fields.get("oom_kill", 0))
