"""What a sweep hands to its executor, and what it does with what comes back."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from ladderscope.records import Cell, Record
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Latest, Unseen, collect, missing_jobs, run_jobs

MakeCell = Callable[..., Cell]


class ByHand(Executor):
    """Jobs end when the test says so."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held: list[tuple[Job, Future[Record | None]]] = []
        self.most_held = 0
        self.kept_records: list[Record] = []
        self.is_cancelled = False

    def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
        future: Future[Record | None] = Future()
        self.held.append((job, future))
        self.most_held = max(self.most_held, len(self.held))
        return future

    def begin_first(self) -> None:
        self.held[0][1].set_running_or_notify_cancel()

    def end_first(self) -> None:
        job, future = self.held.pop(0)
        future.set_result(ok(job))

    def kept(self, record: Record) -> None:
        self.kept_records.append(record)

    def cancel(self) -> None:
        self.is_cancelled = True


def ok(job: Job, gpu: str | None = None) -> Record:
    return Record(cell=job.cell, meter=job.meter, gpu=gpu or job.gpu, status="ok")


@pytest.fixture
def jobs(tiny_cell: MakeCell) -> list[Job]:
    return [Job(tiny_cell(seed=seed), "cuda", gpu=None, num_threads=1) for seed in range(5)]


def in_a_thread(executor: ByHand, jobs: list[Job], ledger: list[Record], stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run_jobs, args=(jobs, executor, ledger, Unseen(), stop))
    thread.start()
    return thread


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it does not come to be")


def test_an_executor_never_holds_more_than_its_capacity(jobs: list[Job]) -> None:
    executor, ledger = ByHand(capacity=2), list[Record]()
    thread = in_a_thread(executor, jobs, ledger, threading.Event())
    for _ in jobs:
        wait_until(lambda: bool(executor.held))
        executor.end_first()
    thread.join(timeout=10)
    assert executor.most_held == 2
    assert [record.cell for record in ledger] == [job.cell for job in jobs]
    assert executor.kept_records == ledger


def test_once_stopped_what_runs_is_waited_for_and_what_waits_is_taken_back(jobs: list[Job]) -> None:
    executor, ledger, stop = ByHand(capacity=3), list[Record](), threading.Event()
    thread = in_a_thread(executor, jobs, ledger, stop)
    wait_until(lambda: len(executor.held) == 3)
    executor.begin_first()
    stop.set()
    wait_until(lambda: [future.cancelled() for _, future in executor.held] == [False, True, True])
    assert thread.is_alive()
    executor.end_first()
    thread.join(timeout=10)
    assert [record.cell for record in ledger] == [jobs[0].cell]
    assert len(executor.held) == 2  # no further one was submitted


def test_a_ledger_that_cannot_be_written_ends_what_runs(jobs: list[Job]) -> None:
    class Full(list[Record]):
        def append(self, record: Record, /) -> None:
            raise OSError("no space left")

    executor = ByHand(capacity=5)
    threading.Timer(0.1, executor.end_first).start()
    with pytest.raises(OSError, match="no space left"):
        run_jobs(jobs, executor, Full(), Unseen(), threading.Event())
    assert executor.is_cancelled
    assert executor.kept_records == []


def test_what_finished_beside_a_failure_of_the_engine_is_kept(jobs: list[Job]) -> None:
    class Lost(ByHand):
        def submit(self, job: Job, tick: Tick) -> Future[Record | None]:
            future = super().submit(job, tick)
            if len(self.held) == 5:
                self.held[0][1].set_exception(OSError("the engine is lost"))
                for one, held in self.held[1:]:
                    held.set_result(ok(one))
            return future

    executor, ledger = Lost(capacity=5), list[Record]()
    with pytest.raises(OSError, match="the engine is lost"):
        run_jobs(jobs, executor, ledger, Unseen(), threading.Event())
    assert [record.cell for record in ledger] == [job.cell for job in jobs[1:]]
    assert executor.kept_records == ledger


def test_what_an_earlier_run_has_left_is_appended_unless_the_ledger_has_it(jobs: list[Job]) -> None:
    class Leaving(ByHand):
        def left(self) -> list[Record]:
            return [ok(jobs[0]), ok(jobs[1])]

    class Sunk(list[Record]):
        @property
        def records(self) -> list[Record]:
            return list(self)

    executor, ledger = Leaving(capacity=1), Sunk([ok(jobs[0])])
    assert collect(executor, ledger) == 1
    assert ledger == [ok(jobs[0]), ok(jobs[1])]
    assert executor.kept_records == [ok(jobs[0]), ok(jobs[1])]


def test_a_job_that_names_no_gpu_is_answered_by_a_record_of_any(jobs: list[Job]) -> None:
    records = [ok(jobs[0], gpu="NVIDIA A100-SXM4-40GB"), ok(jobs[1])]
    assert missing_jobs(jobs, records, lambda record: False) == jobs[2:]
    on_another = Job(jobs[0].cell, "cuda", gpu="NVIDIA H200", num_threads=1)
    assert missing_jobs([on_another], records, lambda record: False) == [on_another]


def test_of_a_cell_on_several_gpus_the_record_that_finished_last_answers(jobs: list[Job]) -> None:
    """A ledger that was read has the record of each GPU where the first one of that GPU stood."""
    failed = Record(cell=jobs[0].cell, meter="cuda", status="error", env={"finished_at": "2026-11-23T10:00:00+00:00"})
    older = dataclasses.replace(ok(jobs[0], "A100"), env={"finished_at": "2026-11-23T09:00:00+00:00"})
    undated = ok(jobs[0], "H100")
    assert Latest([failed, older]).of(jobs[0]) == failed
    assert Latest([older, failed]).of(jobs[0]) == failed
    assert Latest([failed, undated]).of(jobs[0]) == undated
