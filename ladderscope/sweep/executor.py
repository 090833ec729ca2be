"""Executors: what runs a job somewhere and brings back its record."""

from __future__ import annotations

import dataclasses
import queue
import signal
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from ladderscope.records import Record, Status
from ladderscope.sweep.measurers import Measurers
from ladderscope.sweep.oom_kills import count_oom_kills
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.process import Tick, WorkerProcess
from ladderscope.sweep.protocol import Job

Predict = Callable[[Sequence[Job]], list[Record]]
"""Runs predictions, and gives the records of those that were run."""


class Executor(Protocol):
    """Takes jobs, and gives their records when they are there.

    A class that names this one as its base has only to define ``capacity``, ``submit`` and ``cancel``.
    """

    capacity: int
    """How many jobs it holds at a time, those that wait in the queue of an engine included."""

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        """Begin the job, or hand it over to what will; returns at once.

        The future is running, in the sense of ``concurrent.futures``, once the job is, and ``tick`` is called then;
        before that, ``Future.cancel`` takes the job back. A job that fails gives a record that says so; one that
        ``cancel`` has ended gives None.
        """
        ...

    @abstractmethod
    def cancel(self) -> None:
        """End all jobs at once, running or not; none begins after this. Never called from a signal's handler."""

    def abandon(self) -> None:
        """The sweep ends with an error: end what nobody could collect later, which is all but for some engines."""
        self.cancel()

    def left(self) -> list[Record]:
        """The records that have finished and that no call of ``kept`` has named: an earlier run's, or late ones.

        Called by whoever holds the ledger, before anything is submitted and again at the end.
        """
        return []

    def arrange(self, jobs: Sequence[Job], predict: Predict) -> list[Job]:
        """The jobs in the order in which they should be submitted; what must be known of them before is found out.

        Called by whoever holds the ledger, behind ``left`` and before the jobs are submitted.
        """
        return list(jobs)

    def batch(self) -> AbstractContextManager[None]:
        """Jobs submitted inside may be handed over together when it ends."""
        return nullcontext()

    def kept(self, record: Record) -> None:
        """The record is in the ledger: whatever else holds it need not any more."""
        return None

    def close(self) -> None:
        """Let go of processes and connections; what still runs elsewhere goes on."""
        return None


class LocalExecutor(Executor):
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
        self.capacity = slots
        self._pool = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="cell")
        self._timeout_seconds = timeout_seconds
        self._running: set[WorkerProcess] = set()
        self._predictors = predictors or Predictors()
        self._measurers = measurers or Measurers()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._devices: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        for slot in range(slots):
            self._devices.put(devices[slot % len(devices)] if devices else None)

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        """Run the job in one of the slots."""
        return self._pool.submit(self._run_or_say, job, tick)

    def _run_or_say(self, job: Job, tick: Tick) -> Record | None:
        tick(0.0)
        try:
            return self.run(job, tick)
        except OSError as error:  # the process could not be started
            return failed(job, "error", str(error))

    def run(self, job: Job, tick: Tick) -> Record | None:
        """Measure or predict the job, and wait for it.

        Raises:
            OSError: a process cannot be started.
        """
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

    def close(self) -> None:
        """Wait for what runs."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Job, tick: Tick, device: str | None) -> Record | None:
        oom_kills = count_oom_kills()
        with self._lock:
            if self._cancelled.is_set():
                return None
            # Ranks choose their GPUs among all.
            visible = None if job.cell.num_gpus > 1 else device
            worker = self._predictors.take() if job.is_prediction else self._measurers.take(visible)
            self._running.add(worker)
        timed_out = threading.Event()
        timer = _start_timer(self._timeout_seconds, worker, timed_out)
        try:
            message = worker.run(job, tick)
        except BaseException:  # whoever waits is ended: the process may not outlive that
            worker.kill()
            raise
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
            return failed(job, "timeout", f"took longer than the {self._timeout_seconds:g} seconds of --timeout")
        if "failure" in message:
            return _record_of(job, message)
        killed = worker.returncode == -signal.SIGKILL
        # A prediction that the host has no room for says nothing about the GPU.
        ran_out = killed and count_oom_kills() > oom_kills and not job.is_prediction
        status: Status = "oom" if ran_out else "error"
        return failed(job, status, _how_it_ended(worker))


def _record_of(job: Job, message: dict[str, Any]) -> Record:
    if "record" in message:
        return Record.from_json(message["record"])
    failure = message["failure"]
    return dataclasses.replace(failed(job, failure["status"], failure["error"]), gpu=failure["gpu"])


def _start_timer(seconds: float | None, worker: WorkerProcess, timed_out: threading.Event) -> threading.Timer:
    def end() -> None:
        timed_out.set()
        worker.kill()

    timer = threading.Timer(seconds if seconds is not None else threading.TIMEOUT_MAX, end)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    return timer


def failed(job: Job, status: Status, error: str) -> Record:
    """The record of a job that gave none itself; it says when that was, and what version and commit waited for it."""
    from ladderscope.environment import describe_origin  # which imports PyTorch

    env = describe_origin()
    return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status=status, error=error, env=env)


def _how_it_ended(worker: WorkerProcess) -> str:
    if worker.returncode < 0:
        return f"the process was killed by {signal.Signals(-worker.returncode).name}"
    return f"the process ended with exit code {worker.returncode}: {worker.last_words()}"
