"""Verdicts and tables on variants whose losses are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import pytest

from ladderscope.methods.side import LadderConfig
from ladderscope.records import Record
from ladderscope.studies.findings import Value, Verdict
from ladderscope.studies.markdown import section_of
from ladderscope.studies.trained.variant_plots import differences_figure, memory_figure
from ladderscope.studies.trained.variant_runs import Runs, runs_of
from ladderscope.studies.trained.variant_tables import (
    bytes_table,
    defaults_table,
    difference_table,
    loss_table,
    memory_table,
)
from ladderscope.studies.trained.variant_verdicts import against_reference, equivalent, lowest, percent, said_of
from ladderscope.studies.trained.variants import Plan, variant

PLAN = Plan(
    variants=tuple(variant(name, (4, 8, 16), gate=name) for name in ("scalar", "vector", "none")), seeds=(0, 1)
)
BOUNDS = {"confidence": 0.95, "reach": 0.02, "pairs": 4.0, "margin": 0.01}
Invent = Callable[..., list[Record]]


@pytest.fixture
def runs(invent_variants: Invent) -> Runs:
    return runs_of(PLAN, invent_variants(PLAN, {"vector": 0.05, "none": 0.001}))


@pytest.mark.parametrize(
    ("worse", "noise", "answer"),
    [
        ({"vector": 0.05, "none": 0.03}, 0.001, "holds"),
        ({"vector": 0.05, "none": -0.03}, 0.001, "does not hold"),
        ({"vector": 0.05, "none": 0.0}, 0.001, "cannot tell"),
        ({"vector": 0.05, "none": 0.03}, 0.2, "cannot tell"),
    ],
)
@pytest.mark.parametrize("axis", ["width", "memory"])
def test_the_reference_must_be_below_all_others(
    invent_variants: Invent, worse: Mapping[str, float], noise: float, answer: str, axis: str
) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, worse, noise=noise))
    verdict = lowest("claim", runs, axis, BOUNDS)  # type: ignore[arg-type]
    assert verdict.answer == answer
    assert verdict.basis == ("predicted" if axis == "memory" else "measured on a CPU")
    assert "against vector: -" in verdict.why or noise > 0.1


def test_a_variant_that_takes_more_bytes_than_the_reference_ever_has_leaves_it_open(invent_variants: Invent) -> None:
    worse, much = {"vector": 0.05, "none": 0.05}, {"none": 8.0}
    runs = runs_of(PLAN, invent_variants(PLAN, worse, bytes_of=much))
    verdict = lowest("claim", runs, "memory", BOUNDS)
    assert verdict.answer == "cannot tell"
    assert "against none: not comparable" in verdict.why
    assert lowest("claim", runs, "width", BOUNDS).answer == "holds"


def test_too_few_pairs_decide_nothing(runs: Runs) -> None:
    found = against_reference(runs, "width", {**BOUNDS, "pairs": 7.0})
    assert found == {"vector": None, "none": None}


@pytest.mark.parametrize(
    ("worse", "noise", "answer"),
    [
        ({"vector": 0.003, "none": -0.003}, 0.0005, "holds"),
        ({"vector": 0.003, "none": -0.03}, 0.0005, "does not hold"),
        ({"vector": 0.003, "none": 0.0105}, 0.0005, "cannot tell"),
        ({}, 0.05, "cannot tell"),
    ],
)
def test_what_matters_less_than_the_margin_is_equivalent(
    invent_variants: Invent, worse: Mapping[str, float], noise: float, answer: str
) -> None:
    assert equivalent("gate", runs_of(PLAN, invent_variants(PLAN, worse, noise=noise)), BOUNDS).answer == answer


@pytest.mark.parametrize(
    "decide", [lambda runs: lowest("c", runs, "width", BOUNDS), lambda r: equivalent("c", r, BOUNDS)]
)
def test_missing_cells_are_counted(invent_variants: Invent, decide: Callable[[Runs], Verdict]) -> None:
    verdict = decide(runs_of(PLAN, invent_variants(PLAN, {})[:-4]))
    assert (verdict.answer, verdict.basis) == ("cannot tell", None)
    assert verdict.why == "4 of 27 cells have no result yet."


def test_what_is_said_of_a_default_names_the_others_by_what_is_shown(runs: Runs) -> None:
    found = against_reference(runs, "width", BOUNDS)
    assert said_of(found) == "lower loss than vector; not told apart from none"
    assert said_of({"a": None}) == "not told apart from a"
    assert percent(-0.1) == "-9.5%"


def test_tables_say_where_numbers_come_from(runs: Runs) -> None:
    measured, predicted = "**Measured on a CPU**.", "**Predicted**, not measured."
    assert measured in section_of(loss_table(runs))
    assert measured in section_of(difference_table("Differences", runs, BOUNDS))
    assert predicted in section_of(bytes_table(runs))
    assert predicted in section_of(memory_table(runs, [runs], BOUNDS, 8))


def test_losses_stand_with_what_a_step_costs(runs: Runs) -> None:
    table = loss_table(runs)
    assert list(table.columns) == ["variant", "1/4", "1/8", "1/16"]
    cell = table.rows[0][1]
    assert isinstance(cell, Value)
    # exp(0.6) and exp(0.7) of the two seeds; 1.25 TFLOPs, 12.5 s
    assert cell.text == "1.918 (2.50 M, 1250, 12.50 s)"


def test_memory_is_compared_at_the_bytes_of_one_width_and_of_all(invent_variants: Invent) -> None:
    twice = runs_of(PLAN, invent_variants(PLAN, {"none": 0.01}, bytes_of={"none": 2.0, "vector": 9.0}, noise=0.0))
    rows = {
        str(row[0]): [one.text for one in row[1:] if isinstance(one, Value)]
        for row in memory_table(twice, [twice], BOUNDS, 8).rows
    }
    assert rows["scalar"] == ["14.00", "9.00", "6.50", "-", "-", "-"]
    assert rows["none"][:3] == ["24.00", "14.00", "9.00"]
    assert rows["none"][3].startswith("-5.8%")
    assert rows["none"][5] == "4"
    assert rows["vector"][3:] == ["not reached, nearest 26.50 GiB", "-", "0"]


def test_the_spread_of_bytes_is_told(invent_variants: Invent) -> None:
    table = bytes_table(runs_of(PLAN, invent_variants(PLAN, {}, bytes_of={"none": 1.1})))
    assert [one.text for one in table.rows[-1][1:] if isinstance(one, Value)] == ["+7.1%", "+5.6%", "+3.8%"]


def test_another_default_of_the_package_shows(runs: Runs) -> None:
    found = against_reference(runs, "width", BOUNDS)
    (row,) = defaults_table(runs, {"gate": found}).rows
    assert row == ["`gate`", *[LadderConfig().gate] * 4, "lower loss than vector; not told apart from none"]
    other = dataclasses.replace(PLAN, variants=(variant("none", (4,), gate="none"), *PLAN.variants[1:]))
    (row,) = defaults_table(Runs(other, {}, {}), {"gate": "Nothing."}).rows
    assert str(row[-1]).startswith("Ladder's default is no longer what was compared here, none.")


def test_figures_can_be_drawn(runs: Runs) -> None:
    from matplotlib.figure import Figure as Canvas

    found = against_reference(runs, "width", BOUNDS)
    for figure in (memory_figure(runs), differences_figure(runs, "width", found, BOUNDS)):
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert len(canvas.axes[0].lines) >= 3
    assert memory_figure(runs).bases == {"predicted", "measured on a CPU"}
