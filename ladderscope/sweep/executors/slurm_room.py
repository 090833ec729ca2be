"""How many jobs to submit next: Slurm bounds what runs of one array, and a sweep has several."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ladderscope.sweep.executors.slurm_array import Array

_GATHER_SECONDS = 30.0
"""How long jobs wait for others, so that arrays are not of one job each."""


def most_running(arrays: Iterable[Array], alive: Collection[str]) -> int:
    """How many jobs of the arrays may run at a time, at most.

    Args:
        arrays: of this driver and of earlier ones.
        alive: Slurm's ids of all jobs that wait or run.
    """
    return sum(min(array.parallel, sum(one in alive for one in array.slurm_ids.values())) for array in arrays)


def parallel_of_next(parallel: int, running: int, waiting: int, waited_seconds: float) -> int:
    """How many jobs of the next array may run at a time; 0 where there should be none yet.

    The first takes all that is granted. Later ones wait until a quarter of that is free, and as many jobs are there,
    or for half a minute.

    Args:
        parallel: how many jobs may run at a time in all.
        running: how many of those that Slurm has may run at a time, from :func:`most_running`.
        waiting: jobs that have not been submitted.
        waited_seconds: since there were none.
    """
    free = min(parallel - running, waiting)
    is_worth_it = running == 0 or free >= -(-parallel // 4) or waited_seconds >= _GATHER_SECONDS
    return max(0, free) if is_worth_it else 0
