"""Cells as jobs of Slurm, submitted through submitit; they outlive this process, and so do their records."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ladderscope.records import Record
from ladderscope.sweep.executor import Executor, failed
from ladderscope.sweep.executors.cell import run_cell
from ladderscope.sweep.executors.engine import Engine, Terms
from ladderscope.sweep.executors.slurm_folder import SlurmFolder, job_name, write_record
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.executors.slurm_queue import SlurmQueue
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job

_CAPACITY = 1000
"""Clusters refuse arrays of more (MaxArraySize, 1001 by default)."""
_LOOK_SECONDS = 1.0
_RECORD_SECONDS = 15.0
"""How long a network file system may take to show the record of a job that has ended."""


@dataclass
class _Submitted:
    job: Job
    tick: Tick
    future: Future[Record | None]
    slurm_id: str = ""
    """Once it is handed over."""
    ended_at: float | None = None
    """When it was first seen to have ended without a record."""


class SlurmExecutor(Executor):
    """Submits arrays, and watches for records in the folder of the run, from a thread.

    Raises:
        UsageError: submitit or Slurm is not installed, or Slurm's programs refuse.
    """

    capacity = _CAPACITY

    def __init__(self, terms: Terms, options: SlurmOptions) -> None:
        self._folder = SlurmFolder(terms.folder)
        self._queue = SlurmQueue(self._folder.logs, options, terms.jobs)
        self._timeout_seconds = _seconds_of_a_cell(terms, options)
        if not terms.resume:
            self._folder.forget(self._queue.end)
        self._left = self._folder.submitted()
        self._queue.watch(self._left.values())
        self._pending: dict[str, _Submitted] = {}
        self._batch: list[_Submitted] = []
        self._taken_back: list[str] = []
        self._lock = threading.Lock()
        self._cancelled = False
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="slurm", daemon=True)
        self._watcher.start()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is submitted inside becomes one array."""
        yield
        batch, self._batch = self._batch, []
        if batch:
            task = functools.partial(run_slurm_cell, timeout_seconds=self._timeout_seconds)
            lines = [(one.job.to_line(), str(self._folder.record_path(one.job))) for one in batch]
            ids = self._queue.submit(task, lines, needs_gpu=batch[0].job.meter == "cuda")
            self._folder.note({job_name(one.job): slurm_id for one, slurm_id in zip(batch, ids, strict=True)})
            for one, slurm_id in zip(batch, ids, strict=True):
                self._hold(one, slurm_id)

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        """Take the record that an earlier run has left, wait for the job that it has left, or submit the job.

        Jobs are handed over when the batch ends in which this is called.
        """
        one = _Submitted(job, tick, Future())
        left = self._left.pop(job_name(job), None)
        if self._cancelled:
            one.future.set_result(None)
        elif (record := self._folder.read(job)) is not None:
            one.future.set_result(record)
        elif left is not None and not self._queue.has_ended(left):
            self._hold(one, left)
        else:
            self._batch.append(one)
        return one.future

    def cancel(self) -> None:
        """End all jobs of this run, those that wait in Slurm's queue too."""
        with self._lock:
            self._cancelled = True
            self._queue.end([one.slurm_id for one in self._pending.values()])

    def kept(self, record: Record) -> None:
        """Remove the file: the ledger has it."""
        self._folder.remove(record)

    def close(self) -> None:
        """Stop watching; jobs in Slurm go on."""
        self._closed.set()
        self._watcher.join()
        self._end_taken_back()

    def _hold(self, one: _Submitted, slurm_id: str) -> None:
        one.slurm_id = slurm_id
        with self._lock:
            self._pending[job_name(one.job)] = one
        one.future.add_done_callback(lambda done: self._take_back(one) if done.cancelled() else None)

    def _take_back(self, one: _Submitted) -> None:
        with self._lock:
            self._pending.pop(job_name(one.job), None)
            self._taken_back.append(one.slurm_id)

    def _end_taken_back(self) -> None:
        """Together: a call to Slurm takes its time, and there may be a thousand."""
        with self._lock:
            taken_back, self._taken_back = self._taken_back, []
        self._queue.end(taken_back)

    def _watch(self) -> None:
        try:
            while not self._closed.wait(_LOOK_SECONDS):
                self._look()
        except Exception as error:
            with self._lock:
                pending, self._pending = list(self._pending.values()), {}
            for one in pending:
                if _has_begun(one):
                    one.future.set_exception(error)

    def _look(self) -> None:
        self._end_taken_back()
        finished = self._folder.finished()
        with self._lock:
            pending = dict(self._pending)
        for name, one in pending.items():
            if name in finished:
                self._settle(name, one, self._folder.read(one.job))
                continue
            if not one.future.running() and self._queue.is_running(one.slurm_id) and _has_begun(one):
                one.tick(0.0)
            if not self._queue.has_ended(one.slurm_id):
                one.ended_at = None
            elif self._cancelled:
                self._settle(name, one, None)
            elif one.ended_at is None:
                one.ended_at = time.monotonic()
            elif time.monotonic() - one.ended_at >= _RECORD_SECONDS:
                self._settle(name, one, self._lost(one))

    def _settle(self, name: str, one: _Submitted, record: Record | None) -> None:
        with self._lock:
            self._pending.pop(name, None)
        if _has_begun(one):
            one.future.set_result(record)

    def _lost(self, one: _Submitted) -> Record:
        status, error = self._queue.how_it_ended(one.slurm_id)
        if status == "oom" and one.job.is_prediction:
            status = "error"  # that the host has no room for a prediction says nothing about the GPU
        return failed(one.job, status, error)


def _has_begun(one: _Submitted) -> bool:
    """Whether its future is running, or can be made so: whether nobody has taken the job back."""
    return one.future.running() or one.future.set_running_or_notify_cancel()


def _seconds_of_a_cell(terms: Terms, options: SlurmOptions) -> float:
    """Less than Slurm gives the job, so that the cell ends by our hand, with a record that says so."""
    most = options.time_minutes * 60 - 120.0
    return min(most, terms.timeout_seconds or most)


def run_slurm_cell(line: str, path: str, *, timeout_seconds: float) -> None:
    """In a job of Slurm: run the cell and leave its record at ``path``."""
    record = run_cell(Job.from_line(line), lambda fraction: None, timeout_seconds, folder=None)
    write_record(Path(path), record)


ENGINE = Engine(SlurmOptions, SlurmExecutor)
