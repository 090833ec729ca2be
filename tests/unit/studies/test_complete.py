"""Which records count together, and what a ledger lacks."""

from __future__ import annotations

from ladderscope.records import Cell, Record
from ladderscope.studies.complete import missing_sentence, of_one_meter


def records(*meters: str) -> list[Record]:
    cell = Cell(model="m", method="lora", rank=8)
    return [Record(cell=cell, meter=meter, status="error", error="none") for meter in meters]


def test_the_meter_with_the_most_counts_and_predictions_stand_beside_any() -> None:
    assert [one.meter for one in of_one_meter(records("cpu", "predict", "cuda", "cpu"))] == ["cpu", "predict", "cpu"]
    assert [one.meter for one in of_one_meter(records("predict", "predict", "cuda"))] == ["predict", "predict", "cuda"]
    assert len(of_one_meter(records("predict"))) == 1
    assert of_one_meter([]) == []


def test_a_plan_that_is_whole_has_no_sentence() -> None:
    assert missing_sentence(4, 4) is None
    assert missing_sentence(1, 4) == "3 of 4 cells have no result yet."
