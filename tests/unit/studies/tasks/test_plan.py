"""The cells: the same data for every method, and a quick part of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.studies.answering.tasks import TASKS


@pytest.fixture(scope="module")
def plan(module: Callable[[str], Any]) -> Any:
    return module("plan")


def test_ten_cells_for_each_of_four_tasks_and_five_in_each_further_seed(plan: Any) -> None:
    cells = plan.cells_of(plan.WHOLE)
    assert len({cell.cell_id for cell in cells}) == len(cells) == 4 * (10 + 5 + 5)
    assert {cell.data for cell in cells} == {task.data for task in TASKS.values()}


def test_side_networks_have_qloras_steps_and_twice_as_many(plan: Any) -> None:
    for name, steps in plan.STEPS.items():
        cells = [cell for cell in plan.cells_of(plan.WHOLE) if cell.data == TASKS[name].data and cell.seed == 0]
        by_method = {method: sorted(c.steps for c in cells if c.method == method) for method in plan.METHODS}
        assert by_method.pop("qlora") == [0, steps]
        assert set(map(tuple, by_method.values())) == {(steps, 2 * steps)}
        assert len({(c.seq_len, c.batch_size, c.seed, c.dtype, c.quantization) for c in cells}) == 1


def test_no_run_sees_an_item_twice(plan: Any) -> None:
    for name, steps in plan.STEPS.items():
        task = TASKS[name]
        assert plan.TWICE * steps * task.batch_size <= task.train


def test_the_first_seed_is_whole_before_the_next_which_have_equal_data_alone(plan: Any) -> None:
    cells = plan.cells_of(plan.WHOLE)
    assert [cell.seed for cell in cells] == [0] * 40 + [1] * 20 + [2] * 20
    assert cells[:40] == plan.cells_of(dataclasses.replace(plan.WHOLE, seeds=(0,)))
    for cell in cells[40:]:
        assert cell.steps == plan.STEPS[cell.data.split("/")[1]]


def test_a_quick_run_is_a_part_of_the_whole(plan: Any) -> None:
    whole, quick = (plan.cells_of(plan.plan_of(quick=q)) for q in (False, True))
    assert {cell.cell_id for cell in quick} < {cell.cell_id for cell in whole}
    assert [(cell.method, cell.steps) for cell in quick] == [("qlora", 0), ("qlora", 24), ("ladder", 24)]
