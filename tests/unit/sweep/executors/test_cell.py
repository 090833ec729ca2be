"""A cell where an engine has put it: workers of the engine live on, whatever happens to a cell in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.records import Cell, Record
from ladderscope.sweep.executors import cell as cell_module
from ladderscope.sweep.executors.cell import run_cell
from ladderscope.sweep.measurers import Measurers
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job

MakeCell = Callable[..., Cell]


class Worker:
    """A process that does as it is told."""

    returncode = 0

    def __init__(self, act: Callable[[Job], dict[str, Any]]) -> None:
        self._act = act
        self.is_killed = False

    def run(self, job: Job, tick: Tick) -> dict[str, Any]:
        return self._act(job)

    def kill(self) -> None:
        self.is_killed = True

    def close(self) -> None: ...


def done(job: Job) -> dict[str, Any]:
    return {"record": Record(cell=job.cell, meter=job.meter, status="ok").to_json()}


def interrupted(job: Job) -> dict[str, Any]:
    raise KeyboardInterrupt


def cancelled(job: Job) -> dict[str, Any]:
    cell_module._executor(None).cancel()  # as from another thread of the process
    return {}


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Worker]]:
    """What the next cells run in, one after the other."""
    found: list[Worker] = []
    monkeypatch.setattr(Measurers, "take", lambda self, device: found.pop(0))
    cell_module._executor.cache_clear()
    yield found
    cell_module._executor.cache_clear()


@pytest.fixture
def job(tiny_cell: MakeCell) -> Job:
    return Job(tiny_cell(), "cpu", gpu=None, num_threads=1)


def run(job: Job) -> Record:
    return run_cell(job, lambda fraction: None, timeout_seconds=None, folder=None)


def test_a_task_that_is_ended_ends_its_cell_and_the_next_cell_of_that_process_runs(
    job: Job, workers: list[Worker]
) -> None:
    ended = Worker(interrupted)
    workers += [ended, Worker(done)]

    with pytest.raises(KeyboardInterrupt):
        run(job)

    assert ended.is_killed
    assert run(job).status == "ok"


def test_a_cell_that_is_ended_from_another_thread_says_so_and_the_next_one_runs(
    job: Job, workers: list[Worker]
) -> None:
    workers += [Worker(cancelled), Worker(done)]

    with pytest.raises(LadderscopeError, match="was ended before it had a record"):
        run(job)
    assert run(job).status == "ok"
