"""Cells as tasks of a Ray cluster, which places them and begins those again that were lost with a node."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladderscope.errors import LadderscopeError
from ladderscope.records import PREDICT, Record
from ladderscope.sweep.executor import Executor, Predict, failed
from ladderscope.sweep.executors.cell import run_cell
from ladderscope.sweep.executors.engine import Engine, Terms
from ladderscope.sweep.executors.ray_board import Board, Teller
from ladderscope.sweep.executors.ray_cluster import connect, gpu_types_of, ships_folder, task_options
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.worker import describe

_CAPACITY = 1000
"""Tasks that Ray holds at a time; the rest waits here, as Ray would keep all of them in memory."""
_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class _Task:
    number: int
    job: Job
    tick: Tick
    future: Future[Record | None]


class RayExecutor(Executor):
    """Submits tasks and watches them from a thread.

    Raises:
        UsageError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, terms: Terms, options: RayOptions) -> None:
        self._ray: Any = connect(terms, options)
        self.capacity = terms.jobs or _CAPACITY
        self._options, self._terms = options, terms
        self._folder = None if ships_folder(options) else str(Path.cwd())
        self._task = self._ray.remote(_run_task)
        self._board = Board.start(self._ray)
        self._types: dict[tuple[str, str, str | None], tuple[str, ...]] = {}
        self._pending: dict[Any, _Task] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._cancelled = False
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="ray", daemon=True)
        self._watcher.start()

    def arrange(self, jobs: Sequence[Job], predict: Predict) -> list[Job]:
        """The largest first, where the cluster has GPUs of several types; each may go to those that it fits on."""
        from ladderscope.sweep.executors.gpu_types import gpu_of_type, place

        measured = [job for job in jobs if job.meter == "cuda"]
        if not measured or self._options.gpu_type is not None:
            return list(jobs)
        types = gpu_types_of(self._ray)
        if types is None:
            self._terms.say("The Ray cluster has no GPU now: cells wait until it gets one.")
            return list(jobs)
        gpus = {name: gpu for name in types if (gpu := gpu_of_type(name)) is not None}
        if len(gpus) < 2:
            return list(jobs)
        self._terms.say(f"Predicting which of {', '.join(gpus)} the cells fit on.")
        asked = [Job(job.cell, PREDICT, gpu.name, num_threads=1) for job in measured for gpu in set(gpus.values())]
        placement = place(measured, predict(asked), gpus)
        self._types = placement.types
        return [*placement.jobs, *(job for job in jobs if job.meter != "cuda")]

    def types_of(self, job: Job) -> tuple[str, ...]:
        """The GPU types that the job may run on, by Ray's names; empty for any."""
        return self._types.get(job.key, ())

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        """Hand the job to Ray, which begins it where there is room."""
        future: Future[Record | None] = Future()
        with self._lock:
            if self._cancelled:
                future.set_result(None)
                return future
            self._count += 1
            task = self._task.options(**task_options(job, self._options, self.types_of(job)))
            told = (job.to_line(), Teller(self._board.actor, self._count), self._terms.timeout_seconds, self._folder)
            ref = task.remote(*told)
            self._pending[ref] = _Task(self._count, job, tick, future)
        future.add_done_callback(lambda done: self._take_back(ref) if done.cancelled() else None)
        return future

    def cancel(self) -> None:
        """End all tasks with their processes."""
        with self._lock:
            self._cancelled = True
            for ref in self._pending:
                self._ray.cancel(ref, force=True)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._closed.set()
        self._watcher.join()
        self._ray.shutdown()

    def _take_back(self, ref: Any) -> None:
        with self._lock:
            self._pending.pop(ref, None)
        self._ray.cancel(ref)

    def _watch(self) -> None:
        try:
            while not self._closed.wait(_LOOK_SECONDS):
                self._look()
        except Exception as error:
            self._give_up(error)

    def _look(self) -> None:
        with self._lock:
            refs = list(self._pending)
        if not refs:
            return
        ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in ready:
            self._settle(ref)
        self._show(self._board.read())

    def _give_up(self, error: Exception) -> None:
        """Nobody may wait for what does not come."""
        lost = LadderscopeError(f"lost the Ray cluster: {describe(error)}. The same command runs what is missing.")
        with self._lock:
            self._cancelled = True
            pending, self._pending = list(self._pending.values()), {}
        for task in pending:
            if task.future.running() or task.future.set_running_or_notify_cancel():
                task.future.set_exception(lost)

    def _settle(self, ref: Any) -> None:
        with self._lock:
            task = self._pending.pop(ref, None)
        if task is not None and (task.future.running() or task.future.set_running_or_notify_cancel()):
            task.future.set_result(self._record_of(ref, task.job))

    def _record_of(self, ref: Any, job: Job) -> Record | None:
        errors = self._ray.exceptions
        try:
            return Record.from_json(self._ray.get(ref))
        except Exception as error:
            if self._cancelled:
                return None
            # Ray ends what takes the node's last memory. That says nothing about the GPU of a prediction.
            ran_out = isinstance(error, errors.OutOfMemoryError) and not job.is_prediction
            return failed(job, "oom" if ran_out else "error", f"Ray: {describe(error)}")

    def _show(self, fractions: dict[int, float]) -> None:
        with self._lock:
            running = [task for task in self._pending.values() if task.number in fractions]
        for task in running:
            if task.future.running() or task.future.set_running_or_notify_cancel():
                task.tick(fractions[task.number])


def _run_task(line: str, teller: Teller, timeout_seconds: float | None, folder: str | None) -> dict[str, Any]:
    """In a worker of the cluster; the record as JSON values."""
    with suppress(Exception):  # without a board it works as well
        teller(0.0)
    place = None if folder is None else Path(folder)
    return run_cell(Job.from_line(line), teller, timeout_seconds, place).to_json()


ENGINE = Engine(RayOptions, RayExecutor)
