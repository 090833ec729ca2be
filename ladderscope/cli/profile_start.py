"""The jobs of a grid together with what runs them, here or on an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ladderscope.cli.executor_options import Choice
from ladderscope.sweep.slots import cuda_devices, num_cores

if TYPE_CHECKING:
    from ladderscope.sweep.executor import Executor
    from ladderscope.sweep.protocol import Job

_EARLY_PREDICTORS = 2
"""Processes that start while the grid is still being checked, which takes as long as their start."""


@dataclass(frozen=True)
class Asked:
    """What the options of ``profile`` say about jobs, and about running them."""

    grid: Path | None
    meter: str
    gpu: str | None
    out: Path
    jobs: int | None
    timeout: float | None
    history: Path | None
    axes: dict[str, list[Any]]
    resume: bool


def started(asked: Asked, choice: Choice, console: Console) -> AbstractContextManager[tuple[list[Job], Executor]]:
    """Gives the jobs and an executor that is ready for them, and lets go of it at the end.

    Raises:
        UsageError: what was asked for cannot be.
    """
    return _started_here(asked) if choice.engine is None else _started_elsewhere(asked, choice, console)


@contextmanager
def _started_here(asked: Asked) -> Iterator[tuple[list[Job], Executor]]:
    """The jobs, and the processes of this machine."""
    from ladderscope.records import PREDICT
    from ladderscope.sweep.predictors import Predictors

    predictors = Predictors()
    if asked.meter == PREDICT and asked.gpu is not None:
        predictors.start_early(min(asked.jobs or num_cores(), _EARLY_PREDICTORS))
    try:
        from ladderscope.cli.profile_jobs import jobs_here

        jobs, slots = jobs_here(asked.grid, asked.meter, asked.gpu, asked.jobs, asked.history, asked.axes)
        from ladderscope.sweep.executor import LocalExecutor

        devices = cuda_devices() if any(job.meter == "cuda" for job in jobs) else ()
        yield jobs, LocalExecutor(slots, asked.timeout, devices, predictors)
    finally:
        predictors.close()


@contextmanager
def _started_elsewhere(asked: Asked, choice: Choice, console: Console) -> Iterator[tuple[list[Job], Executor]]:
    """The jobs, and an executor on the engine."""
    from ladderscope.cli.profile_jobs import jobs_elsewhere
    from ladderscope.sweep.executors.engine import Terms

    assert choice.engine is not None
    assert choice.options is not None
    jobs = jobs_elsewhere(asked.grid, asked.meter, asked.gpu, choice.options.cpus, asked.history, asked.axes)
    terms = Terms(
        jobs=asked.jobs,
        timeout_seconds=asked.timeout,
        folder=asked.out.with_name(f"{asked.out.name}.{choice.name}").absolute(),
        resume=asked.resume,
        say=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
    )
    executor = choice.engine.start(terms, choice.options)
    with closing(executor):
        yield jobs, executor
