"""Hands cells over to Slurm: when, how many at a time, and again where sbatch refuses."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Sequence
from contextlib import suppress

from ladderscope.errors import UsageError
from ladderscope.sweep.executors.engine import Terms
from ladderscope.sweep.executors.slurm_array import Array
from ladderscope.sweep.executors.slurm_causes import explain
from ladderscope.sweep.executors.slurm_cell import SlurmCell
from ladderscope.sweep.executors.slurm_folder import SlurmFolder
from ladderscope.sweep.executors.slurm_job import run_slurm_cell
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.executors.slurm_programs import SlurmRefusalError, scancel_named
from ladderscope.sweep.executors.slurm_queue import SlurmQueue, needs_of
from ladderscope.sweep.executors.slurm_room import most_running, parallel_of_next

_PARALLEL = 256
_AGAIN_SECONDS = 60.0
"""Between two attempts where sbatch refuses."""
_GIVE_UP_SECONDS = 3600.0
"""How long it may refuse while Slurm has none of our cells: this process would wait for nothing."""


class Submitter:
    """Submits what waits, in arrays that together keep to the parallelism that was asked for."""

    def __init__(self, folder: SlurmFolder, queue: SlurmQueue, options: SlurmOptions, terms: Terms) -> None:
        self._folder, self._queue, self._say = folder, queue, terms.say
        self._array_size = options.array_size
        self._parallel = min(options.array_parallelism or terms.jobs or _PARALLEL, options.array_size)
        self._task = functools.partial(
            run_slurm_cell, limit_seconds=options.time_minutes * 60.0, timeout_seconds=terms.timeout_seconds
        )
        self._waiting_since: float | None = None
        self._refused_since: float | None = None
        self._again_at = float("-inf")
        self._is_first = True

    def submit(self, held: Sequence[SlurmCell], alive: Collection[str]) -> None:
        """Submit as many as should be now of those that have not been.

        Args:
            held: all cells that have not ended.
            alive: Slurm's ids of the jobs that wait or run.

        Raises:
            UsageError: sbatch refuses, and there is nothing in Slurm to wait for.
        """
        now = time.monotonic()
        waiting = [one for one in held if one.slurm_id is None]
        if not waiting:
            self._waiting_since = None
            return
        self._waiting_since = self._waiting_since or now
        alike = [one for one in waiting if needs_of(one.job) == needs_of(waiting[0].job)][: self._array_size]
        running = most_running(self._folder.arrays.values(), alive)
        parallel = parallel_of_next(self._parallel, running, len(alike), now - self._waiting_since)
        if parallel and now >= self._again_at:
            self._submit(alike, parallel, may_wait=len(waiting) < len(held))

    def _submit(self, cells: Sequence[SlurmCell], parallel: int, *, may_wait: bool) -> None:
        array = self._folder.note([one.name for one in cells], parallel)
        paths = [self._folder.record_path(one.name, array) for one in cells]
        arguments = [(one.job.to_line(), str(path)) for one, path in zip(cells, paths, strict=True)]
        try:
            slurm_id = self._queue.submit(self._task, arguments, array, needs=needs_of(cells[0].job))
        except SlurmRefusalError as error:
            self._hear_refusal(array, error, may_wait=may_wait)
            return
        ids = self._folder.number(array, slurm_id).slurm_ids
        for one, path in zip(cells, paths, strict=True):
            one.place(ids[one.name], path)
        self._is_first, self._refused_since, self._waiting_since = False, None, None

    def _hear_refusal(self, array: Array, error: SlurmRefusalError, *, may_wait: bool) -> None:
        # An answer may have been lost on its way; submitit has then not given the jobs what they are to run.
        with suppress(SlurmRefusalError):
            scancel_named(array.label)
            self._folder.drop(array.key)
        now = time.monotonic()
        if self._refused_since is None:
            self._refused_since = now
            if may_wait or not self._is_first:
                self._say(f"sbatch refuses: {error}. Trying again every {_AGAIN_SECONDS:g} s.")
        self._again_at = now + _AGAIN_SECONDS
        if not may_wait and (self._is_first or now - self._refused_since > _GIVE_UP_SECONDS):
            raise UsageError(
                explain(error) or f"sbatch refuses the jobs: {error}. See the --slurm options."
            ) from error
