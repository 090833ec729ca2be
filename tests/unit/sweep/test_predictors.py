"""Processes that predict: started early, used again, never handed out dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ladderscope.records import PREDICT, Cell
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.predictors import Predictors
from ladderscope.sweep.protocol import Job

MakeCell = Callable[..., Cell]
GPU = "rtx-3060-12gb"


@pytest.fixture
def predictors() -> Iterator[Predictors]:
    made = Predictors()
    yield made
    made.close()


def job(cell: Cell) -> Job:
    return Job(cell, PREDICT, GPU, num_threads=1)


def test_one_process_predicts_cell_after_cell(predictors: Predictors, tiny_cell: MakeCell) -> None:
    predictors.start_early(1)
    first = predictors.take()
    predictors.give_back(first)
    executor = LocalExecutor(predictors=predictors)
    records = [executor.run(job(tiny_cell(seq_len=tokens)), lambda _: None) for tokens in (32, 64)]
    assert [record.status for record in records if record is not None] == ["ok", "ok"]
    assert predictors.take() is first


def test_one_that_has_died_is_replaced(predictors: Predictors, tiny_cell: MakeCell) -> None:
    predictors.start_early(1)
    dead = predictors.take()
    dead.kill()
    assert dead.returncode < 0
    predictors.give_back(dead)
    record = LocalExecutor(predictors=predictors).run(job(tiny_cell(seq_len=32)), lambda _: None)
    assert record is not None
    assert record.status == "ok"


def test_those_that_wait_leave_when_they_are_no_longer_needed(predictors: Predictors) -> None:
    predictors.start_early(1)
    worker = predictors.take()
    predictors.give_back(worker)
    predictors.close()
    assert not worker.is_running
