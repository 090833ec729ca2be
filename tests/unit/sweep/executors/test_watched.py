"""Jobs that run elsewhere: what the thread that watches them does, whatever the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing

import pytest

from ladderscope.records import Cell, Record
from ladderscope.sweep.executors.watched import Held, WatchedExecutor
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job


class Engine(WatchedExecutor[Held]):
    """Does at each look what the test says, and ends jobs where it is told to."""

    capacity = 10

    def __init__(self) -> None:
        super().__init__("engine", 0.01)
        self.act: Callable[[], None] = lambda: None
        self.looks = 0
        self.ended: list[Job] = []
        self.ends = True
        self.start()

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        return self.hold(Held(job, tick))

    def look(self) -> None:
        self.act()
        self.looks += 1

    def end(self, jobs: Sequence[Held]) -> bool:
        if self.ends:
            self.ended += [one.job for one in jobs]
        return self.ends

    def wait_for_looks(self) -> None:
        """Until it has looked twice more, so once from the start to the end."""
        before = self.looks
        wait_until(lambda: self.looks >= before + 2)


@pytest.fixture
def engine() -> Iterator[Engine]:
    with closing(Engine()) as made:
        yield made


@pytest.fixture
def jobs(tiny_cell: Callable[..., Cell]) -> list[Job]:
    return [Job(tiny_cell(seed=seed), "cuda", gpu=None, num_threads=1) for seed in range(2)]


class Stuck:
    """An engine that does not answer until it may go on."""

    def __init__(self, engine: Engine) -> None:
        self._is_asked, self._goes_on = threading.Event(), threading.Event()
        engine.act = self._answer
        assert self._is_asked.wait(60)

    def go_on(self) -> None:
        self._goes_on.set()

    def _answer(self) -> None:
        self._is_asked.set()
        self._goes_on.wait(60)


def submit(engine: Engine, *jobs: Job) -> list[Future[Record | None]]:
    return [engine.submit(job, lambda _: None) for job in jobs]


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it does not come to be")


def test_what_is_taken_back_is_ended_and_only_that(engine: Engine, jobs: list[Job]) -> None:
    futures = submit(engine, *jobs)
    assert futures[0].cancel()
    wait_until(lambda: engine.ended == jobs[:1])
    assert [one.job for one in engine.held] == jobs[1:]


def test_what_is_taken_back_behind_the_last_look_is_ended_too(jobs: list[Job]) -> None:
    engine = Engine()
    (future,) = submit(engine, jobs[0])
    stuck = Stuck(engine)
    assert future.cancel()
    threading.Timer(0.1, stuck.go_on).start()
    engine.close()
    assert engine.ended == jobs[:1]


def test_a_job_that_was_taken_back_may_be_found_running_again_and_again(engine: Engine, jobs: list[Job]) -> None:
    first, second = submit(engine, *jobs)
    (held, other) = engine.held
    begun: list[bool] = []
    assert first.cancel()
    engine.act = lambda: begun.append(held.begin())
    engine.wait_for_looks()
    assert set(begun) == {False}
    engine.act = lambda: engine.settle(other, None)
    assert second.result(timeout=30) is None  # the thread lives


def test_a_job_that_runs_cannot_be_taken_back(engine: Engine, jobs: list[Job]) -> None:
    (future,) = submit(engine, jobs[0])
    (held,) = engine.held
    begun: list[bool] = []
    engine.act = lambda: begun.append(held.begin())
    engine.wait_for_looks()
    assert future.running()
    assert not future.cancel()


def test_cancelling_ends_each_job_once(engine: Engine, jobs: list[Job]) -> None:
    submit(engine, *jobs)
    for _ in range(3):
        engine.cancel()
    engine.wait_for_looks()
    assert engine.ended == jobs


def test_what_could_not_be_ended_is_ended_later(engine: Engine, jobs: list[Job]) -> None:
    engine.ends = False
    taken_back, _ = submit(engine, *jobs)
    taken_back.cancel()
    engine.cancel()
    engine.wait_for_looks()
    engine.ends = True
    engine.wait_for_looks()
    assert engine.ended == jobs


def test_whoever_cancels_does_not_wait_for_the_engine(engine: Engine, jobs: list[Job]) -> None:
    (future,) = submit(engine, jobs[0])
    stuck = Stuck(engine)
    engine.cancel()
    engine.cancel()
    assert future.cancel()
    assert engine.ended == []  # the engine has not answered yet
    stuck.go_on()


def test_where_the_engine_is_lost_nobody_waits_for_it(engine: Engine, jobs: list[Job]) -> None:
    def lose() -> None:
        raise OSError("no route to host")

    (future,) = submit(engine, jobs[0])
    engine.act = lose
    with pytest.raises(OSError, match="no route to host"):
        future.result(timeout=30)
    (late,) = submit(engine, jobs[1])
    with pytest.raises(OSError, match="no route to host"):
        late.result(timeout=30)
