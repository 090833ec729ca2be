"""Cells as tasks of a Ray cluster, which places them and begins those again that were lost with a node."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladderscope.errors import LadderscopeError
from ladderscope.records import PREDICT, Record
from ladderscope.sweep.executor import Predict, failed
from ladderscope.sweep.executors.cell import run_cell
from ladderscope.sweep.executors.engine import Engine, Terms
from ladderscope.sweep.executors.ray_board import Board, Teller
from ladderscope.sweep.executors.ray_cluster import connect, gpu_types_of, ships_folder, task_options
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.executors.ray_requests import check_requests
from ladderscope.sweep.executors.watched import Held, WatchedExecutor, done_with_nothing
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.worker import describe

_CAPACITY = 1000
"""Tasks that Ray holds at a time; the rest waits here, as Ray would keep all of them in memory."""
_LOOK_SECONDS = 0.3


@dataclass(eq=False)
class _Task(Held):
    number: int
    """On the board."""
    ref: Any


class RayExecutor(WatchedExecutor[_Task]):
    """Submits tasks and watches them from a thread.

    Raises:
        UsageError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, terms: Terms, options: RayOptions) -> None:
        super().__init__("ray", _LOOK_SECONDS)
        self._ray: Any = connect(terms, options)
        self.capacity = terms.jobs or _CAPACITY
        self._options, self._terms = options, terms
        self._folder = None if ships_folder(options) else str(Path.cwd())
        self._task = self._ray.remote(_run_task)
        self._board = Board.start(self._ray)
        self._types: dict[tuple[str, str, str | None], tuple[str, ...]] = {}
        self._count = 0
        self.start()

    def arrange(self, jobs: Sequence[Job], predict: Predict) -> list[Job]:
        """The largest first, where the cluster has GPUs of several types; each may go to those that it fits on.

        Says which cells ask for what no node has.

        Raises:
            UsageError: some do, and the cluster is one that was started here.
        """
        arranged = self._placed(jobs, predict)
        requests = [(job, task_options(job, self._options, self.types_of(job))) for job in arranged]
        check_requests(self._ray, requests, self._options, self._terms.say)
        return arranged

    def _placed(self, jobs: Sequence[Job], predict: Predict) -> list[Job]:
        from ladderscope.sweep.executors.gpu_types import gpu_of_type, place

        measured = [job for job in jobs if job.meter == "cuda"]
        if not measured or self._options.gpu_type is not None:
            return list(jobs)
        counts = gpu_types_of(self._ray)
        gpus = {name: gpu for name in counts if (gpu := gpu_of_type(name)) is not None}
        if len(gpus) < 2:
            return list(jobs)
        self._terms.say(f"Predicting which of {', '.join(gpus)} the cells fit on.")
        asked = [Job(job.cell, PREDICT, gpu.name, num_threads=1) for job in measured for gpu in set(gpus.values())]
        placement = place(measured, predict(asked), gpus, counts)
        self._types = placement.types
        return [*placement.jobs, *(job for job in jobs if job.meter != "cuda")]

    def types_of(self, job: Job) -> tuple[str, ...]:
        """The GPU types that the job may run on, by Ray's names; empty for any."""
        return self._types.get(job.key, ())

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        """Hand the job to Ray, which begins it where there is room."""
        if self.is_cancelled:
            return done_with_nothing()
        self._count += 1
        task = self._task.options(**task_options(job, self._options, self.types_of(job)))
        told = (job.to_line(), self._board.actor, self._count, self._terms.timeout_seconds, self._folder)
        return self.hold(_Task(job, tick, self._count, task.remote(*told)))

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        super().close()
        self._ray.shutdown()

    def look(self) -> None:
        """Settle what has ended, and tell how far the others are."""
        by_ref = {task.ref: task for task in self.held}
        if not by_ref:
            return
        ready, _ = self._ray.wait(list(by_ref), num_returns=len(by_ref), timeout=0)
        for ref in ready:
            self.settle(by_ref[ref], self._record_of(by_ref[ref]))
        fractions = self._board.read()
        for task in self.held:
            if task.number in fractions and task.begin():
                task.tick(fractions[task.number])

    def end(self, jobs: Sequence[_Task]) -> bool:
        """End the tasks with their processes; those that ran then end with an error."""
        for task in jobs:
            self._ray.cancel(task.ref, force=True)
        return True

    def describe_loss(self, error: Exception) -> Exception:
        """Ray's errors are many, and mean that the cluster has gone."""
        return LadderscopeError(f"lost the Ray cluster: {describe(error)}. The same command runs what is missing.")

    def _record_of(self, task: _Task) -> Record | None:
        errors = self._ray.exceptions
        try:
            return Record.from_json(self._ray.get(task.ref))
        except Exception as error:
            if self.is_cancelled:
                return None
            # Ray ends what takes the node's last memory. That says nothing about the GPU of a prediction.
            ran_out = isinstance(error, errors.OutOfMemoryError) and not task.job.is_prediction
            return failed(task.job, "oom" if ran_out else "error", f"Ray: {describe(error)}")


def _run_task(line: str, board: Any, number: int, timeout_seconds: float | None, folder: str | None) -> dict[str, Any]:
    """In a worker of the cluster; the record as JSON values."""
    place = None if folder is None else Path(folder)
    with Teller(board, number) as tell:
        tell(0.0)
        return run_cell(Job.from_line(line), tell, timeout_seconds, place).to_json()


ENGINE = Engine(RayOptions, RayExecutor)
