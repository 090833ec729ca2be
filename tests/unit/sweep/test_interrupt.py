"""Ctrl-C, as the operating system sends it, while jobs are run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from ladderscope.records import Cell, Record
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.interrupt import graceful_interrupt
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Unseen, run_jobs


class Endless(Executor):
    """One job, which runs for ever; to cancel it needs a lock that is not reentrant, as in any engine."""

    capacity = 1

    def __init__(self, ends: bool) -> None:
        self.future: Future[Record | None] = Future()
        self.times_cancelled = 0
        self.was_abandoned = False
        self._ends, self._lock = ends, threading.Lock()

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        self.future.set_running_or_notify_cancel()
        return self.future

    def cancel(self) -> None:
        with self._lock:
            self.times_cancelled += 1
            time.sleep(0.5)  # longer than it takes to hit the keys again
        if self._ends:
            self.future.set_result(None)

    def abandon(self) -> None:
        self.was_abandoned = True


def press(times: int) -> None:
    """Ctrl-C, a few times within half a second, beginning when the jobs run."""
    for count in range(times):
        threading.Timer(0.3 + 0.3 * count, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.fixture
def jobs(tiny_cell: Callable[..., Cell]) -> list[Job]:
    return [Job(tiny_cell(), "cuda", gpu=None, num_threads=1)]


def test_once_waits_for_what_runs(jobs: list[Job]) -> None:
    executor, said = Endless(ends=True), list[str]()
    with graceful_interrupt(said.append) as stop:
        press(1)
        threading.Timer(1.5, executor.future.set_result, (None,)).start()
        run_jobs(jobs, executor, [], Unseen(), stop)
    assert stop.is_set()
    assert executor.times_cancelled == 0
    assert said == ["Stopping when the running cells are done; Ctrl-C again stops at once."]


def test_twice_ends_what_runs(jobs: list[Job]) -> None:
    executor = Endless(ends=True)
    with graceful_interrupt(lambda _: None) as stop:
        press(2)
        run_jobs(jobs, executor, [], Unseen(), stop)
    assert executor.times_cancelled == 1


def test_the_third_leaves_even_where_nothing_can_be_ended(jobs: list[Job]) -> None:
    executor = Endless(ends=False)
    with graceful_interrupt(lambda _: None) as stop:
        press(3)
        with pytest.raises(KeyboardInterrupt):
            run_jobs(jobs, executor, [], Unseen(), stop)
    assert executor.times_cancelled == 1
    assert executor.was_abandoned


def test_work_that_looks_at_the_first_alone_is_left_at_the_second() -> None:
    with graceful_interrupt(lambda _: None, last=2) as stop:
        press(2)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
    assert stop.is_set()
