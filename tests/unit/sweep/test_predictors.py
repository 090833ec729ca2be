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


def test_one_process_predicts_cell_after_cell_and_takes_the_place_of_one_that_has_died(
    predictors: Predictors, tiny_cell: MakeCell
) -> None:
    predictors.start_early(1)
    dead = predictors.take()
    dead.kill()
    assert dead.returncode < 0
    predictors.give_back(dead)
    executor = LocalExecutor(predictors=predictors)
    used = []
    for tokens in (32, 64):
        record = executor.run(job(tiny_cell(seq_len=tokens)), lambda _: None)
        assert record is not None
        assert record.status == "ok"
        used.append(predictors.take())
        predictors.give_back(used[-1])
    assert used[0] is used[1] is not dead


def test_those_that_wait_leave_when_they_are_no_longer_needed(predictors: Predictors) -> None:
    predictors.start_early(1)
    worker = predictors.take()
    predictors.give_back(worker)
    predictors.close()
    assert not worker.is_running
