"""Cells as jobs of Slurm, submitted through submitit; they outlive this process, and so do their records."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

from ladderscope.errors import UsageError
from ladderscope.records import Record
from ladderscope.sweep.executor import Predict
from ladderscope.sweep.executors.engine import Engine, Terms
from ladderscope.sweep.executors.slurm_causes import explain
from ladderscope.sweep.executors.slurm_cell import RUNNING, SlurmCell
from ladderscope.sweep.executors.slurm_folder import SlurmFolder, job_name, read_record
from ladderscope.sweep.executors.slurm_left import end_jobs, end_unnumbered, living_jobs
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.executors.slurm_programs import SlurmRefusalError, lives_on, scancel
from ladderscope.sweep.executors.slurm_queue import SlurmQueue
from ladderscope.sweep.executors.slurm_submitter import Submitter
from ladderscope.sweep.executors.watched import WatchedExecutor, done_with_nothing
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job

_LOOK_SECONDS = 1.0
_RECORD_SECONDS = 120.0
"""How long a network file system may take to show the record of a job that has ended: it keeps folders a minute."""
_END_AGAIN_SECONDS = 10.0


class SlurmExecutor(WatchedExecutor[SlurmCell]):
    """Submits arrays, and watches for records in the folder of the run, from a thread.

    Nothing of an earlier run is touched before ``left`` and ``arrange``, which are for whoever holds the ledger.

    Raises:
        UsageError: submitit or Slurm is not installed.
    """

    def __init__(self, terms: Terms, options: SlurmOptions) -> None:
        super().__init__("slurm", _LOOK_SECONDS)
        self.capacity = options.array_size
        self._terms, self._retries = terms, options.retries
        self._folder = SlurmFolder(terms.folder)
        self._queue = SlurmQueue(self._folder.logs, options)
        self._submitter = Submitter(self._folder, self._queue, options, terms)
        self._left: dict[str, tuple[str, Path]] = {}
        """Jobs of earlier drivers that live, by name: their ids, and the paths of their records."""
        self._files: dict[tuple[str, str, str | None], Path] = {}
        """Of records that were read and not kept, by key."""
        self._batching = threading.Lock()
        self._end_again_at = float("-inf")
        self._complaint = ""
        self.start()

    def left(self) -> list[Record]:
        """The records that wait beside the ledger."""
        self._folder.load()
        found: list[Record] = []
        for path in self._folder.records():
            record = read_record(path)
            if record is None:
                self._terms.say(f"{path} cannot be read: its cell counts as one that has not been run.")
                continue
            self._files[record.key] = path
            found.append(record)
        return found

    def arrange(self, jobs: Sequence[Job], predict: Predict) -> list[Job]:
        """Find those that an earlier driver has left in Slurm, or end them where that is asked for.

        Raises:
            UsageError: Slurm does not answer, or jobs cannot be ended; nothing was begun, and nothing is forgotten.
        """
        if not jobs:
            return []
        try:
            end_unnumbered(self._folder)
            alive = self._queue.alive(fresh=True)
            if not self._terms.resume:
                end_jobs(self._folder, {job_name(job) for job in jobs}, alive)
        except SlurmRefusalError as error:
            why = explain(error) or f"Slurm refuses: {error}."
            raise UsageError(f"{why} Nothing was begun.") from error
        self._folder.drop_old(alive)
        self._left = living_jobs(self._folder, alive)
        return list(jobs)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is submitted inside becomes one array, as far as there is room."""
        with self._batching:
            yield
        self._woken.set()

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        """Wait for the job that an earlier driver has left, or have the thread submit it."""
        if self.is_cancelled:
            return done_with_nothing()
        one = SlurmCell(job, tick, job_name(job))
        if (left := self._left.pop(one.name, None)) is not None:
            one.place(*left)
        return self.hold(one)

    def kept(self, record: Record) -> None:
        """Remove the file: the ledger has it."""
        path = self._files.pop(record.key, None)
        if path is not None:
            with suppress(OSError):  # the next driver sees that the ledger has it
                path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Leave the jobs to Slurm, and to the next driver."""
        if any(one.slurm_id is not None for one in self.held):
            goes_on = "may not have ended its jobs yet" if self.is_cancelled else "goes on with its jobs"
            self._terms.say(f"Slurm {goes_on}: the same command collects what they leave.")

    def look(self) -> None:
        """Take what has finished, see what has become of the rest, and submit what may be."""
        if not self.held:
            return
        self._settle_finished(self.held)
        try:
            alive = self._queue.alive()
        except SlurmRefusalError as error:
            self._complain(f"squeue does not tell about the jobs: {error}. Asking again.")
            return
        self._follow(alive)
        with self._batching:  # all of a batch, or none
            held = self.held
        if not self.is_cancelled:
            self._submitter.submit(held, alive)

    def end(self, jobs: Sequence[SlurmCell]) -> bool:
        """End the jobs; what they leave from now on is for the next driver."""
        if time.monotonic() < self._end_again_at:
            return False
        try:
            scancel([one.slurm_id for one in jobs if one.slurm_id is not None])
        except SlurmRefusalError as error:
            self._complain(f"Slurm does not end the jobs: {error}. Trying again.")
            self._end_again_at = time.monotonic() + _END_AGAIN_SECONDS
            return False
        for one in jobs:
            self.settle(one, None)
        return True

    def _settle_finished(self, cells: Sequence[SlurmCell]) -> None:
        finished = self._folder.finished()
        for one in cells:
            if one.path is None or one.path.name not in finished or (record := read_record(one.path)) is None:
                continue
            self._files[record.key] = one.path
            self.settle(one, record)

    def _follow(self, alive: Mapping[str, str]) -> None:
        gone: list[SlurmCell] = []
        for one in self.held:
            if one.slurm_id is None:
                continue
            state = alive.get(one.slurm_id)
            if lives_on(state):
                one.gone_since = None
                if state in RUNNING and not one.future.running() and one.begin():
                    one.tick(0.0)
            elif one.gone_since is None:
                one.gone_since = time.monotonic()
            elif time.monotonic() - one.gone_since >= _RECORD_SECONDS:
                gone.append(one)
        if gone:
            self._give_up_on(gone)

    def _give_up_on(self, gone: Sequence[SlurmCell]) -> None:
        self._folder.refresh()
        self._settle_finished(gone)
        ids = {one: one.slurm_id for one in gone if one.slurm_id is not None and not one.future.done()}
        states = self._queue.how_they_ended(list(ids.values())) if ids else {}
        for one, slurm_id in ids.items():
            state = states.get(slurm_id)
            if state is None or not one.displace(state, self._retries):
                self.settle(one, one.record_without_file(state, self._queue.last_words(slurm_id)))

    def _complain(self, line: str) -> None:
        """Once, not at every look."""
        if line != self._complaint:
            self._terms.say(line)
            self._complaint = line


ENGINE = Engine(SlurmOptions, SlurmExecutor)
