"""Real processes, ended before they have imported what a measurement needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ladderscope.sweep.measurers import Measurers
from ladderscope.sweep.process import WorkerProcess


@pytest.fixture
def started() -> Iterator[list[WorkerProcess]]:
    workers: list[WorkerProcess] = []
    yield workers
    for worker in workers:
        worker.kill()
        worker.close()


def test_the_next_process_starts_while_one_is_at_work(started: list[WorkerProcess]) -> None:
    measurers = Measurers(ahead=True)
    started.append(measurers.take("0"))
    (waiting,) = measurers._waiting.values()
    started.append(measurers.take("0"))
    assert started[1] is waiting
    assert started[1] is not started[0]
    measurers.close()


def test_a_waiting_process_that_has_died_is_not_handed_out(started: list[WorkerProcess]) -> None:
    measurers = Measurers(ahead=True)
    started.append(measurers.take(None))
    (waiting,) = measurers._waiting.values()
    waiting.kill()
    assert waiting.returncode < 0
    started.append(measurers.take(None))
    assert started[1].is_running
    measurers.close()
    waiting.close()


def test_those_that_wait_leave_when_they_are_let_go(started: list[WorkerProcess]) -> None:
    measurers = Measurers(ahead=True)
    started.append(measurers.take(None))
    (waiting,) = measurers._waiting.values()
    measurers.close()
    assert not waiting.is_running


def test_by_default_nothing_starts_ahead(started: list[WorkerProcess]) -> None:
    measurers = Measurers()
    started.append(measurers.take(None))
    assert measurers._waiting == {}
