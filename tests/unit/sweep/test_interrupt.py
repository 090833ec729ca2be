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


def press(times: int, heard: list[str], before_third: Callable[[], bool] = lambda: True) -> None:
    """Ctrl-C, a few times: the first soon, each other once the one before was heard, the third behind a condition."""

    def press_all() -> None:
        time.sleep(0.3)
        for count in range(times):
            while len(heard) < count or (count == 2 and not before_third()):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_all, daemon=True).start()


@pytest.fixture
def jobs(tiny_cell: Callable[..., Cell]) -> list[Job]:
    return [Job(tiny_cell(), "cuda", gpu=None, num_threads=1)]


def test_once_waits_for_what_runs(jobs: list[Job]) -> None:
    executor, heard = Endless(ends=True), list[str]()

    def hear(line: str) -> None:
        heard.append(line)
        threading.Timer(0.5, executor.future.set_result, (None,)).start()

    with graceful_interrupt(hear) as stop:
        press(1, heard)
        run_jobs(jobs, executor, [], Unseen(), stop)
    assert stop.is_set()
    assert executor.times_cancelled == 0
    assert heard == ["Stopping when the running cells are done; Ctrl-C again stops at once."]


def test_twice_ends_what_runs(jobs: list[Job]) -> None:
    executor, heard = Endless(ends=True), list[str]()
    with graceful_interrupt(heard.append) as stop:
        press(2, heard)
        run_jobs(jobs, executor, [], Unseen(), stop)
    assert executor.times_cancelled == 1


def test_the_third_leaves_even_where_nothing_can_be_ended(jobs: list[Job]) -> None:
    executor, heard = Endless(ends=False), list[str]()
    with graceful_interrupt(heard.append) as stop:
        press(3, heard, lambda: executor.times_cancelled == 1)
        with pytest.raises(KeyboardInterrupt):
            run_jobs(jobs, executor, [], Unseen(), stop)
    assert executor.times_cancelled == 1
    assert executor.was_abandoned


def test_work_that_looks_at_the_first_alone_is_left_at_the_second() -> None:
    heard: list[str] = []
    with graceful_interrupt(heard.append, last=2) as stop:
        press(2, heard)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
    assert stop.is_set()
