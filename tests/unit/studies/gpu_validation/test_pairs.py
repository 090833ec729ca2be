from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell, Record
from ladderscope.units import GIB
from studies.gpu_validation import pairs
from studies.gpu_validation.pairs import pairs_of

Make = Callable[..., Record]
MakeCell = Callable[..., Cell]
OOM: dict[str, Any] = {"status": "oom", "error": "OutOfMemoryError: too much\nmore lines"}


@pytest.mark.parametrize(
    ("of_measured", "of_predicted", "outcome"),
    [
        ({}, {}, pairs.COMPARED),
        ({**OOM, "memory": None}, OOM, pairs.BOTH_OOM),
        ({**OOM, "memory": None}, {}, pairs.ONLY_MEASURED_OOM),
        ({}, OOM, pairs.ONLY_PREDICTED_OOM),
        ({"status": "error", "error": "it broke"}, {}, pairs.MEASUREMENT_FAILED),
        ({"status": "timeout"}, {}, pairs.MEASUREMENT_FAILED),
        ({}, {"status": "error", "memory": None}, pairs.PREDICTION_FAILED),
    ],
)
def test_every_outcome_is_named(
    make_cell: MakeCell, measured: Make, predicted: Make, of_measured: Any, of_predicted: Any, outcome: str
) -> None:
    cell = make_cell()
    (pair,) = pairs_of([measured(cell, **of_measured), predicted(cell, **of_predicted)])
    assert pair.outcome == outcome
    if outcome in (pairs.BOTH_OOM, pairs.ONLY_MEASURED_OOM, pairs.ONLY_PREDICTED_OOM):
        assert pair.error == "OutOfMemoryError: too much"


def test_cells_with_one_side_alone_are_kept_in_order(make_cell: MakeCell, measured: Make, predicted: Make) -> None:
    first, second, third = make_cell("lora"), make_cell("ladder"), make_cell("qst")
    found = pairs_of([predicted(first), measured(second), predicted(third), measured(third)])
    assert [pair.cell for pair in found] == [first, second, third]
    assert [pair.outcome for pair in found] == [pairs.NOT_MEASURED, pairs.NOT_PREDICTED, pairs.COMPARED]


def test_predictions_for_another_gpu_are_no_partners(make_cell: MakeCell, measured: Make, predicted: Make) -> None:
    cell = make_cell()
    found = pairs_of([predicted(cell, gpu="t4-16gb"), measured(cell), predicted(cell, allocated=21)])
    assert len(found) == 1
    assert found[0].predicted is not None
    assert found[0].predicted.gpu == "h100-80gb"


def test_without_a_known_gpu_the_only_one_predicted_for_counts(
    make_cell: MakeCell, measured: Make, predicted: Make
) -> None:
    cell = make_cell()
    on_cpu = measured(cell, meter="cpu", gpu=None)
    assert [pair.outcome for pair in pairs_of([on_cpu, predicted(cell)])] == [pairs.COMPARED]
    with pytest.raises(UsageError, match="h100-80gb, t4-16gb"):
        pairs_of([on_cpu, predicted(cell), predicted(cell, gpu="t4-16gb")])


def test_measurements_of_two_gpus_are_refused(make_cell: MakeCell, measured: Make) -> None:
    with pytest.raises(UsageError, match=r"NVIDIA H100 80GB HBM3 and Tesla T4: keep"):
        pairs_of([measured(make_cell()), measured(make_cell("lora"), gpu="Tesla T4")])


def test_a_failed_record_that_does_not_name_its_gpu_is_no_second_gpu(make_cell: MakeCell, measured: Make) -> None:
    failed = measured(make_cell("lora"), status="error", gpu=None, memory=None)
    assert len(pairs_of([failed, measured(make_cell())])) == 2


def test_gpus_of_one_title_are_told_apart_by_their_memory(
    make_cell: MakeCell, measured: Make, predicted: Make
) -> None:
    cell, title = make_cell(), "NVIDIA GeForce RTX 4060 Ti"
    record = dataclasses.replace(measured(cell, gpu=title), env={"gpu_total_bytes": 16 * GIB})
    sides = [record, predicted(cell, gpu="rtx-4060-ti-8gb"), predicted(cell, gpu="rtx-4060-ti-16gb")]
    (pair,) = pairs_of(sides)
    assert pair.predicted is not None
    assert pair.predicted.gpu == "rtx-4060-ti-16gb"
