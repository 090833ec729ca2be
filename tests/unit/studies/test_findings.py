"""Verdicts, tables, and which record speaks for a cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell, Forecast, Memory, Phase, Record, Status
from ladderscope.studies.bases import Basis, basis_of, in_words, weakest
from ladderscope.studies.chosen import chosen, on_card, peak_allocated, peak_reserved
from ladderscope.studies.definition import Claim, Kind
from ladderscope.studies.findings import Answer, Figure, Findings, Table, Value, Verdict, verdicts_by_claim
from ladderscope.studies.markdown import section_of

MakeCell = Callable[..., Cell]
CLAIMS = [
    Claim(id=name, text=name, source="a paper", rule="a rule", rule_written="early", kind="paper")
    for name in ("half", "fits")
]
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


@pytest.mark.parametrize(("kind", "answer"), [("own", "reproduced"), ("paper", "holds")])
def test_a_question_of_ones_own_is_not_reproduced_but_holds(kind: Kind, answer: Answer) -> None:
    claim = dataclasses.replace(CLAIMS[0], kind=kind)
    with pytest.raises(UsageError, match=f"answers '{answer}' to 'half'"):
        verdicts_by_claim(Findings([dataclasses.replace(verdict("half"), answer=answer)]), [claim], "study")


@pytest.mark.parametrize("claims", [["half"], ["half", "fits", "more"], ["half", "fits", "fits"]])
def test_every_claim_gets_one_verdict(claims: list[str]) -> None:
    with pytest.raises(UsageError, match="one verdict for each claim"):
        verdicts_by_claim(Findings([verdict(claim) for claim in claims]), CLAIMS, "study")


def test_a_row_has_as_many_cells_as_the_table_columns() -> None:
    with pytest.raises(ValueError, match="a row of 1 for 2 columns"):
        Table("title", ["a", "b"], [["1"]])


def test_what_was_measured_on_a_gpu_goes_before_what_was_predicted(tiny_cell: MakeCell) -> None:
    cell, other = tiny_cell(), tiny_cell(seq_len=64)
    measured = record(cell, "cuda", "NVIDIA RTX A5000", 5)
    records = [measured, record(cell, "predict", BIG, 6), record(other, "predict", BIG, 7)]
    found = chosen([*records, record(other, "predict", SMALL, 8), record(other, "cpu", "", 9)], BIG)
    assert found == {cell.cell_id: measured, other.cell_id: records[2]}
    assert [basis_of(one) for one in found.values()] == ["measured on a GPU", "predicted"]
    assert chosen(reversed(records), BIG)[cell.cell_id] is measured


@pytest.mark.parametrize("gpu", ["NVIDIA H100 80GB HBM3", "a GPU that nobody knows", ""])
def test_another_gpu_says_nothing_about_this_one(gpu: str, tiny_cell: MakeCell) -> None:
    predicted = record(tiny_cell(), "predict", BIG, 6)
    assert chosen([predicted, record(tiny_cell(), "cuda", gpu, 5)], BIG) == {predicted.cell.cell_id: predicted}


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_a_cell_that_failed_says_nothing(status: Status, tiny_cell: MakeCell) -> None:
    failed = Record(cell=tiny_cell(), meter="predict", gpu=BIG, status=status, error="no luck")
    assert chosen([failed], BIG) == {}
    assert on_card([dataclasses.replace(failed, gpu="rtx-3060-12gb")], "rtx-3060-12gb") == {}


def test_only_the_card_itself_says_what_fits_it(tiny_cell: MakeCell) -> None:
    card, cell = "rtx-3060-12gb", tiny_cell()
    predicted, other = record(cell, "predict", card, 5), record(cell, "cuda", "NVIDIA GeForce RTX 3090", 5)
    measured = record(cell, "cuda", "NVIDIA GeForce RTX 3060", 5)
    assert on_card([other, predicted, record(cell, "predict", BIG, 5)], card) == {cell.cell_id: predicted}
    assert on_card([measured, predicted], card) == {cell.cell_id: measured}


@pytest.mark.parametrize(
    ("bases", "found"),
    [
        (["measured on a GPU", "measured on a GPU"], "measured on a GPU"),
        (["measured on a GPU", "predicted"], "predicted"),
        (["measured on a CPU", "measured on a GPU"], "measured on a CPU"),
        ([], "predicted"),
    ],
)
def test_a_number_is_measured_only_if_all_is_that_it_follows_from(bases: list[Basis], found: str) -> None:
    assert weakest(bases) == found


@pytest.mark.parametrize(
    ("bases", "found"),
    [
        (["measured on a GPU", "measured on a GPU"], "measured on a GPU"),
        (["measured on a GPU", "predicted"], "in part predicted, in part measured on a GPU"),
        ([], "predicted"),
    ],
)
def test_a_verdict_names_all_that_it_rests_on(bases: list[Basis], found: str) -> None:
    assert in_words(bases) == found


def test_a_caption_says_where_its_numbers_come_from() -> None:
    figure = Figure("peaks", "Peaks", "Bytes.", lambda canvas: None)
    assert figure.whole_caption == "**Predicted**, not measured. Bytes."
    on_cpu = dataclasses.replace(figure, bases=frozenset({"measured on a CPU"}))
    assert on_cpu.whole_caption == "**Measured on a CPU**. Bytes."
    both = dataclasses.replace(figure, bases=frozenset({"measured on a CPU", "predicted"}))
    assert both.whole_caption == "In part **predicted**, in part **measured on a CPU**. Bytes."


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
        (["measured on a GPU"], "**Measured on a GPU**.", "| 0 |"),
        (["measured on a CPU"], "**Measured on a CPU**.", "| 0 |"),
        (["predicted", "measured on a GPU"], "for what says **measured on a GPU**", "| 1 **measured on a GPU** |"),
        (["measured on a CPU", "measured on a GPU"], "**Measured on a CPU**, but for", "| 1 **measured on a GPU** |"),
        (["predicted", "published"], "Published numbers are the paper's own.", "| 1 |"),
    ],
)
def test_a_table_says_where_its_numbers_come_from(bases: list[str], sentence: str, cell: str) -> None:
    rows = [[Value(str(index), basis)] for index, basis in enumerate(bases)]  # type: ignore[arg-type]
    text = section_of(Table("title", ["peak"], rows, "a note"))
    assert sentence in text
    assert cell in text
    assert text.endswith("a note")


def test_a_table_may_say_by_itself_where_its_numbers_come_from() -> None:
    table = Table("title", ["loss"], [[Value("1", "predicted")]], origin="Bytes **predicted**, losses not.")
    assert section_of(table).split("\n\n")[1] == "Bytes **predicted**, losses not."


def test_text_does_not_break_a_table() -> None:
    assert "| a\\|b c |" in section_of(Table("title", ["name"], [["a|b\nc"]]))
