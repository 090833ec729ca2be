"""Slurm, seen from a driver: submits arrays, and asks for states now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ladderscope.sweep.executors.engine import import_library
from ladderscope.sweep.executors.slurm_array import Array
from ladderscope.sweep.executors.slurm_causes import check_programs
from ladderscope.sweep.executors.slurm_job import BEGAN
from ladderscope.sweep.executors.slurm_options import SlurmOptions
from ladderscope.sweep.executors.slurm_programs import SlurmRefusalError, last_line, sacct, squeue
from ladderscope.sweep.protocol import Job

_ASK_SECONDS = 10.0
"""Between two questions to Slurm, about all jobs at once."""


class Needs(NamedTuple):
    """What a job asks for on its node: jobs of one array ask for the same."""

    gpus: int
    ranks: int
    """Processes that train at a time, each on a core at least."""


def needs_of(job: Job) -> Needs:
    """What the job of Slurm for this job asks for."""
    return Needs(job.num_gpus, job.num_ranks)


class SlurmQueue:
    """Slurm's queue; for one thread at a time.

    Args:
        folder: of submitit's files and logs.
        options: of the jobs.

    Raises:
        UsageError: submitit or Slurm is not installed.
    """

    def __init__(self, folder: Path, options: SlurmOptions) -> None:
        self._submitit: Any = import_library("submitit", "slurm")
        logging.getLogger("submitit").setLevel(logging.ERROR)
        self._folder, self._options = folder, options
        self._told: dict[str, str] | SlurmRefusalError = {}
        self._asked_at = float("-inf")
        check_programs()
        self._executor = self._submitit.SlurmExecutor(folder)

    def submit(
        self, task: Callable[..., None], arguments: Sequence[tuple[str, ...]], array: Array, *, needs: Needs
    ) -> str:
        """Submit ``task`` on each of the arguments, as an array where there are several.

        Args:
            task: takes one of ``arguments``.
            arguments: of each job.
            array: as it is noted.
            needs: of each job.

        Returns:
            Slurm's number of it.

        Raises:
            SlurmRefusalError: sbatch refuses; Slurm may have it all the same.
        """
        self._executor.update_parameters(**self._parameters(array, needs))
        try:
            jobs = self._executor.map_array(task, *zip(*arguments, strict=True))
        except (RuntimeError, OSError) as error:  # submitit's own are kinds of RuntimeError
            raise SlurmRefusalError(last_line(str(error)) or "it says nothing") from error
        finally:
            self._asked_at = float("-inf")
        slurm_id: str = jobs[0].job_id
        return slurm_id.partition("_")[0]

    def alive(self, *, fresh: bool = False) -> dict[str, str]:
        """The states of the user's jobs that wait or run, by id; what was told a few seconds ago, unless ``fresh``.

        Raises:
            SlurmRefusalError: squeue does not tell, or did not a few seconds ago.
        """
        if fresh or time.monotonic() - self._asked_at >= _ASK_SECONDS:
            try:
                self._told = squeue()
            except SlurmRefusalError as error:
                self._told = error
            self._asked_at = time.monotonic()
        if isinstance(self._told, SlurmRefusalError):
            raise SlurmRefusalError(*self._told.args)
        return self._told

    def how_they_ended(self, slurm_ids: Sequence[str]) -> dict[str, str]:
        """Slurm's words for that, by id; without those that it keeps no account of."""
        with suppress(SlurmRefusalError):
            return sacct(slurm_ids)
        return {}

    def last_words(self, slurm_id: str) -> str:
        """The last line that the job has written."""
        with suppress(OSError):
            return last_line(self._submitit.SlurmJob(self._folder, slurm_id).stderr() or "")
        return ""

    def _parameters(self, array: Array, needs: Needs) -> dict[str, Any]:
        options = self._options
        cores = max(options.cpus, needs.ranks)
        gpus: int | str | None = needs.gpus or None
        if gpus is not None and options.gpu_type is not None:
            gpus = f"{options.gpu_type}:{gpus}"
        wanted = {
            "job_name": array.label,
            "time": options.time_minutes,
            "cpus_per_task": cores,
            "srun_args": [f"--cpus-per-task={cores}"],  # since Slurm 22.05 srun does not take over the job's
            "mem": None if options.memory_gib is None else f"{options.memory_gib * 1024:.0f}M",
            "partition": options.partition,
            "account": options.account,
            "qos": options.qos,
            "constraint": options.constraint,
            "setup": [f"export {BEGAN}=$(date +%s)", *([] if options.setup is None else [options.setup])],
            "array_parallelism": array.parallel,
        }
        # submitit keeps what it was told before, so None has to be said of what differs between arrays.
        return {**{name: value for name, value in wanted.items() if value is not None}, "gpus_per_node": gpus}
