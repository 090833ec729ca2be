from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ladderscope.records import Cell


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Cell)])
def test_the_cell_id_depends_on_every_setting(field: str) -> None:
    cell = Cell(model="m", method="lora", rank=4)
    change: dict[str, Any] = {field: "changed"}
    changed = dataclasses.replace(cell, **change)
    assert changed.cell_id != cell.cell_id


def test_a_cell_keeps_the_id_that_it_had_before_there_were_settings_and_generation() -> None:
    assert Cell(model="m", method="full").cell_id == "d2f0ac737bc5a6bf"
    newer = {"generate", "settings", "adapter_dtype", "parallel", "num_gpus"}
    assert newer.isdisjoint(Cell(model="m", method="full").to_json())
    assert Cell(model="m", method="lora", adapter_dtype="bf16").to_json()["adapter_dtype"] == "bf16"


def test_a_cell_that_generates_comes_back_from_json() -> None:
    cell = Cell(model="m", method="full", generate=8)
    assert cell.to_json()["generate"] == 8
    assert Cell.from_json(cell.to_json()) == cell


def test_the_same_cell_has_the_same_id() -> None:
    assert Cell(model="m", method="full").cell_id == Cell(model="m", method="full").cell_id
