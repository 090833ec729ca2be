from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from ladderscope.records import Cell, Memory, Record
from ladderscope.regression.run import Subject, take
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.protocol import Job

MakeCell = Callable[..., Cell]


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.finished: list[Record] = []

    def tick(self, job: Job, fraction: float) -> None:
        pass

    def finish(self, record: Record) -> None:
        self.finished.append(record)


class Measuring(Executor):
    """An executor whose cells take what it is told, one after the other."""

    capacity = 1

    def __init__(self, *peaks: int | str) -> None:
        self.jobs: list[Job] = []
        self._peaks = iter(peaks)

    def submit(self, job: Job, tick: Callable[[float], None]) -> Future[Record | None]:
        future: Future[Record | None] = Future()
        future.set_result(self._run(job))
        return future

    def cancel(self) -> None:
        pass

    def _run(self, job: Job) -> Record:
        self.jobs.append(job)
        peak = next(self._peaks)
        if isinstance(peak, str):
            return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status="oom", error=peak)
        memory = Memory(
            peak_allocated_bytes=peak, peak_reserved_bytes=None, peak_rss_bytes=None, breakdown_bytes={"weights": peak}
        )
        return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status="ok", memory=memory)


@pytest.fixture
def two_cells(tiny_cell: MakeCell) -> list[Subject]:
    return [Subject.of_cell(tiny_cell(seq_len=length), "cpu", None) for length in (32, 64)]


def test_measurements_are_repeated_in_rounds_and_the_median_counts(two_cells: list[Subject]) -> None:
    executor = Measuring(100, 200, 104, 206, 102, 199)
    taken = take(two_cells, executor, Told(), threading.Event(), repeat=3)
    assert [job.cell.seq_len for job in executor.jobs] == [32, 64, 32, 64, 32, 64]
    assert [taken.entries[cell.name].metrics["peak_allocated"] for cell in two_cells] == [102, 200]
    assert taken.entries[two_cells[0].name].repeats["peak_allocated"] == [100, 102, 104]


def test_a_cell_fails_where_one_of_its_repetitions_does(two_cells: list[Subject]) -> None:
    taken = take(two_cells, Measuring(100, 200, "the machine is full", 200), Told(), threading.Event(), repeat=2)
    assert taken.errors == {two_cells[0].name: "oom: the machine is full"}
    assert list(taken.entries) == [two_cells[1].name]


def test_two_entries_of_the_same_settings_are_run_once_and_both_have_the_result(two_cells: list[Subject]) -> None:
    copied = dataclasses.replace(two_cells[0], name="a copy under another name")
    executor = Measuring(100, 102)
    taken = take([two_cells[0], copied], executor, Told(), threading.Event(), repeat=2)
    assert len(executor.jobs) == 2
    assert taken.entries["a copy under another name"].metrics == taken.entries[two_cells[0].name].metrics


def test_what_was_stopped_is_neither_taken_nor_failed(two_cells: list[Subject]) -> None:
    stop = threading.Event()
    stop.set()
    taken = take(two_cells, Measuring(), Told(), stop)
    assert not taken.entries
    assert not taken.errors


def test_predictions_are_asked_for_their_details_whatever_the_environment(tiny_cell: MakeCell) -> None:
    subject = Subject.of_cell(tiny_cell(), "predict", "rtx-3060-12gb")
    job = subject.job(num_threads=8)
    assert job.detailed
    assert job.num_threads == 1
    assert job.alloc_conf == ""


def test_what_a_prediction_does_not_depend_on_is_no_other_cell(tiny_cell: MakeCell) -> None:
    subjects = {
        Subject.of_cell(tiny_cell(lr=lr, seed=seed, steps=steps), "predict", "rtx-3060-12gb")
        for lr, seed, steps in ((1e-3, 0, 2), (1e-4, 1, 9))
    }
    assert len(subjects) == 1


def test_a_subject_of_an_entry_keeps_its_name(tiny_cell: MakeCell) -> None:
    subject = Subject.of_cell(tiny_cell(), "cpu", None)
    entry = take([subject], Measuring(100), Told(), threading.Event()).entries[subject.name]
    renamed = dataclasses.replace(entry, name="mine")
    assert Subject.of_entry(renamed) == dataclasses.replace(subject, name="mine")
