"""Verdicts, tables, and which record speaks for a cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell, Forecast, Memory, Phase, Record
from ladderscope.studies.chosen import basis_of, chosen, peak_allocated, peak_reserved
from ladderscope.studies.definition import Claim
from ladderscope.studies.findings import Findings, Table, Value, Verdict, verdicts_by_claim
from ladderscope.studies.markdown import section_of

MakeCell = Callable[..., Cell]
CLAIMS = [Claim(id=name, text=name, source="a paper", rule="a rule") for name in ("half", "fits")]
BIG, SMALL = "1024GiB:sm86", "8GiB:sm86"


def verdict(claim: str) -> Verdict:
    return Verdict(claim, "reproduced", "It is 0.5.", "predicted")


def record(cell: Cell, meter: str, gpu: str, peak: int) -> Record:
    memory = Memory(
        peak_allocated_bytes=peak, peak_reserved_bytes=2 * peak, peak_rss_bytes=None, breakdown_bytes={"weights": peak}
    )
    return Record(cell=cell, meter=meter, gpu=gpu, status="ok", memory=memory)


def test_verdicts_come_in_the_order_of_the_claims() -> None:
    found = verdicts_by_claim(Findings([verdict("fits"), verdict("half")]), CLAIMS, "study")
    assert list(found) == ["half", "fits"]


@pytest.mark.parametrize("claims", [["half"], ["half", "fits", "more"], ["half", "fits", "fits"]])
def test_every_claim_gets_one_verdict(claims: list[str]) -> None:
    with pytest.raises(UsageError, match="one verdict for each claim"):
        verdicts_by_claim(Findings([verdict(claim) for claim in claims]), CLAIMS, "study")


def test_a_row_has_as_many_cells_as_the_table_columns() -> None:
    with pytest.raises(ValueError, match="a row of 1 for 2 columns"):
        Table("title", ["a", "b"], [["1"]])


def test_what_was_measured_on_a_gpu_goes_before_what_was_predicted(tiny_cell: MakeCell) -> None:
    cell, other = tiny_cell(), tiny_cell(seq_len=64)
    measured = record(cell, "cuda", "NVIDIA H100", 5)
    records = [measured, record(cell, "predict", BIG, 6), record(other, "predict", BIG, 7)]
    found = chosen([*records, record(other, "predict", SMALL, 8), record(other, "cpu", "", 9)], BIG)
    assert found == {cell.cell_id: measured, other.cell_id: records[2]}
    assert [basis_of(one) for one in found.values()] == ["measured", "predicted"]
    assert chosen(reversed(records), BIG)[cell.cell_id] is measured


def test_the_peak_of_a_prediction_is_over_all_phases(tiny_cell: MakeCell) -> None:
    predicted = record(tiny_cell(), "predict", BIG, 5)
    phases = {"load": Phase(peak_allocated_bytes=9, peak_reserved_bytes=12)}
    forecast = Forecast(phases=phases, usable_bytes=100, outside_bytes=1, unverified=[])
    whole = Record(
        **{
            **{name: getattr(predicted, name) for name in ("cell", "meter", "gpu", "status", "memory")},
            "forecast": forecast,
        }
    )
    assert (peak_reserved(whole), peak_allocated(whole)) == (12, 9)
    assert (peak_reserved(predicted), peak_allocated(predicted)) == (10, 5)


@pytest.mark.parametrize(
    ("bases", "sentence", "cell"),
    [
        (["predicted"], "**Predicted**, not measured.", "| 0 |"),
        (["measured"], "**Measured** on a GPU.", "| 0 |"),
        (["predicted", "measured"], "but for the cells that say **measured**", "| 1 **measured** |"),
        (["predicted", "published"], "Published numbers are the paper's own.", "| 1 |"),
    ],
)
def test_a_table_says_where_its_numbers_come_from(bases: list[str], sentence: str, cell: str) -> None:
    rows = [[Value(str(index), basis)] for index, basis in enumerate(bases)]  # type: ignore[arg-type]
    text = section_of(Table("title", ["peak"], rows, "a note"))
    assert sentence in text
    assert cell in text
    assert text.endswith("a note")


def test_text_does_not_break_a_table() -> None:
    assert "| a\\|b c |" in section_of(Table("title", ["name"], [["a|b\nc"]]))
