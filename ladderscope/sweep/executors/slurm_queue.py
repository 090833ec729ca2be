"""Slurm, seen from a driver: submits arrays, asks for states, ends jobs."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.records import Status
from ladderscope.sweep.executors.engine import import_library
from ladderscope.sweep.executors.slurm_options import SlurmOptions

_ASK_SECONDS = 10.0
"""Between two questions to Slurm, about all jobs at once."""
_PARALLEL = 256
_UNKNOWN, _GONE = "UNKNOWN", "GONE"
_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SUSPENDED", "PREEMPTED", _UNKNOWN}
_RUNNING = {"RUNNING", "COMPLETING", "STAGE_OUT", "RESIZING", "SIGNALING", "STOPPED"}
_STATUSES: dict[str, Status] = {"OUT_OF_MEMORY": "oom", "TIMEOUT": "timeout", "DEADLINE": "timeout"}


class SlurmQueue:
    """The jobs of one run.

    Args:
        folder: of submitit's files and logs.
        options: of the jobs.
        jobs: how many at a time, where the options do not say; None for submitit's habit.

    Raises:
        UsageError: submitit or Slurm is not installed.
    """

    def __init__(self, folder: Path, options: SlurmOptions, jobs: int | None) -> None:
        self._submitit: Any = import_library("submitit", "slurm")
        logging.getLogger("submitit").setLevel(logging.ERROR)
        self._folder, self._options = folder, options
        self._parallel = options.array_parallelism or jobs or _PARALLEL
        # Not the one of all jobs of this process: another run's ids are none of ours.
        self._watcher = self._submitit.slurm.slurm.SlurmInfoWatcher()
        self._active: dict[str, str] | None = None
        """What squeue has told since Slurm was asked last."""
        self._asked_at = float("-inf")
        self._has_accounting = _has_accounting()
        try:
            self._executor = self._submitit.SlurmExecutor(folder)
        except RuntimeError as error:
            raise UsageError(
                "--executor slurm needs Slurm's programs, and srun is not on the PATH: run this where jobs are "
                "submitted."
            ) from error

    def submit(self, task: Callable[..., None], arguments: Sequence[tuple[str, ...]], needs_gpu: bool) -> list[str]:
        """Submit an array of ``task`` on each of the arguments.

        Returns:
            Slurm's ids, in the order of the arguments.

        Raises:
            UsageError: sbatch refuses.
        """
        self._executor.update_parameters(**self._parameters(needs_gpu))
        try:
            jobs = self._executor.map_array(task, *zip(*arguments, strict=True))
        except (self._submitit.core.utils.FailedJobError, OSError) as error:
            last_line = (str(error).strip().splitlines() or ["it says nothing"])[-1]
            raise UsageError(f"sbatch refuses the jobs: {last_line.rstrip('.')}. See the --slurm options.") from error
        ids = [job.job_id for job in jobs]
        self.watch(ids)
        return ids

    def watch(self, slurm_ids: Iterable[str]) -> None:
        """Ask for the states of these jobs too, from now on."""
        for slurm_id in slurm_ids:
            self._watcher.register_job(slurm_id)
        self._asked_at = float("-inf")

    def state(self, slurm_id: str) -> str:
        """Slurm's word for the state of a job that is watched, ``GONE`` where it knows no such job any more."""
        if time.monotonic() - self._asked_at >= _ASK_SECONDS:
            if self._has_accounting:
                self._watcher.update()
            self._active = None
            self._asked_at = time.monotonic()
        told: str = self._watcher.get_state(slurm_id, mode="cache").split()[0]
        return told if told != _UNKNOWN else self._state_in_queue(slurm_id)

    def _state_in_queue(self, slurm_id: str) -> str:
        """As squeue tells, which forgets what has ended; where there is no accounting, or not of this job yet."""
        if self._active is None:
            try:
                command = ["squeue", "--me", "--array", "--noheader", "--format=%i %T"]
                lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
            except (OSError, subprocess.CalledProcessError):
                return _UNKNOWN
            self._active = dict(line.split() for line in lines)
        return self._active.get(slurm_id, _GONE)

    def is_running(self, slurm_id: str) -> bool:
        """Whether the job has begun and not ended."""
        return self.state(slurm_id) in _RUNNING

    def has_ended(self, slurm_id: str) -> bool:
        """Whether nothing is to be expected of the job any more."""
        return self.state(slurm_id) not in _WAITING | _RUNNING

    def how_it_ended(self, slurm_id: str) -> tuple[Status, str]:
        """What became of a job that left no record."""
        state = self.state(slurm_id)
        lines = (self._submitit.SlurmJob(self._folder, slurm_id).stderr() or "").strip().splitlines()
        words = f": {lines[-1]}" if lines else ""
        how = f"Slurm has ended the job, {state}" if state != _GONE else "the job has left Slurm without a record"
        return _STATUSES.get(state, "error"), how + words

    def end(self, slurm_ids: Sequence[str]) -> None:
        """End the jobs, whether they run or wait."""
        if slurm_ids:
            subprocess.run(["scancel", *slurm_ids], check=False, capture_output=True)
            self._asked_at = float("-inf")

    def _parameters(self, needs_gpu: bool) -> dict[str, Any]:
        options = self._options
        gpus = None if not needs_gpu else 1 if options.gpu_type is None else f"{options.gpu_type}:1"
        wanted = {
            "job_name": "ladderscope",
            "time": options.time_minutes,
            "cpus_per_task": options.cpus,
            "mem": None if options.memory_gib is None else f"{options.memory_gib * 1024:.0f}M",
            "gpus_per_node": gpus,
            "partition": options.partition,
            "account": options.account,
            "qos": options.qos,
            "constraint": options.constraint,
            "setup": None if options.setup is None else [options.setup],
            "array_parallelism": self._parallel,
        }
        return {name: value for name, value in wanted.items() if value is not None}


def _has_accounting() -> bool:
    """Whether sacct works; many a small cluster has no database, and sacct would say so at each question."""
    try:
        return subprocess.run(["sacct", "--noheader"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False
