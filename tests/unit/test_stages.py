from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.measure import measure_cell
from ladderscope.memory.cpu import CpuMeter
from ladderscope.records import Cell
from ladderscope.stages import fraction_at, num_stages, stage_at

OF_TWO_STEPS = [
    "loading the model",
    "evaluating",
    "step 1 of 2",
    "step 2 of 2",
    "evaluating",
    "counting FLOPs",
    "measuring memory",
]


def test_a_measured_cell_tells_each_stage_as_it_begins(tiny_cell: Callable[..., Cell]) -> None:
    told: list[float] = []
    measure_cell(tiny_cell(steps=2), CpuMeter(), told.append)
    assert [stage_at(fraction, 2) for fraction in told] == [*OF_TWO_STEPS, ""]
    assert told == sorted(set(told))
    assert told[-1] == 1.0


def test_before_the_first_stage_there_is_none() -> None:
    assert stage_at(0.0, 2) == ""


def test_the_fraction_says_what_is_done_rather_than_what_has_begun() -> None:
    assert 0 < fraction_at(1, 1) < 0.01
    assert fraction_at(4, 1) == pytest.approx(3 / 6, abs=0.01)
    assert fraction_at(6, 1) == pytest.approx(5 / 6, abs=0.01)


@pytest.mark.parametrize("steps", [1, 3, 16, 1000, 30000])
def test_every_fraction_gives_its_stage_back(steps: int) -> None:
    stages = [stage_at(fraction_at(stage, steps), steps) for stage in range(1, num_stages(steps) + 1)]
    assert stages[2:-3] == [f"step {step} of {steps}" for step in range(1, steps + 1)]
    assert (stages[:2], stages[-3:]) == (OF_TWO_STEPS[:2], OF_TWO_STEPS[-3:])
