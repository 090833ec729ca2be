"""Tables and figures of variants whose losses and bytes are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partialmethod

import pytest

from ladderscope.methods.side import LadderConfig
from ladderscope.records import Record
from ladderscope.studies.findings import Table, Value
from ladderscope.studies.markdown import section_of
from ladderscope.studies.variants.plan import Plan, variant
from ladderscope.studies.variants.plots import differences_figure, memory_figure
from ladderscope.studies.variants.presets import defaults_table
from ladderscope.studies.variants.records import Runs, runs_of
from ladderscope.studies.variants.tables import (
    bytes_table,
    difference_table,
    loss_table,
    memory_table,
    training_cost_table,
)
from ladderscope.studies.variants.verdicts import against_reference

PLAN = Plan(
    variants=tuple(variant(name, (4, 8, 16), gate=name) for name in ("scalar", "vector", "none")), seeds=(0, 1, 2)
)
BOUNDS = {"confidence": 0.95, "margin": 0.01}
Invent = Callable[..., list[Record]]


@pytest.fixture
def runs(invent_variants: Invent) -> Runs:
    return runs_of(PLAN, invent_variants(PLAN, {"vector": 0.05, "none": 0.0}))


def texts(table: Table) -> dict[str, list[str]]:
    """Row -> its numbers."""
    return {str(row[0]): [one.text for one in row[1:] if isinstance(one, Value)] for row in table.rows}


def test_tables_say_where_numbers_come_from(runs: Runs) -> None:
    measured, predicted = "**Measured on a CPU**.", "**Predicted**, not measured."
    assert measured in section_of(loss_table(runs))
    assert measured in section_of(difference_table("Differences", runs, BOUNDS))
    both = "Bytes **predicted**; losses, at these bytes, **measured on a CPU**."
    assert both in section_of(memory_table(runs, [runs], BOUNDS))
    assert predicted in section_of(bytes_table(runs))
    cells = [row[-1] for row in memory_table(runs, [runs], BOUNDS).rows]
    assert [one.basis for one in cells if isinstance(one, Value)] == ["measured on a CPU"] * 2
    assert section_of(memory_table(runs, [runs], BOUNDS)).count("measured on a CPU") == 1
    assert measured in section_of(training_cost_table(runs))


def test_losses_stand_with_what_a_step_costs(runs: Runs) -> None:
    table = loss_table(runs)
    assert list(table.columns) == ["variant", "1/4", "1/8", "1/16"]
    # exp(0.6), exp(0.7) and exp(0.8) of the three seeds, but for the noise; 1.25 TFLOPs, 12.5 s
    assert texts(table)["scalar"][0] == "2.021 (2.50 M, 1250, 12.50 s)"


def test_memory_is_compared_over_what_both_span_and_that_is_shown(invent_variants: Invent) -> None:
    twice = runs_of(PLAN, invent_variants(PLAN, {"none": 0.01}, bytes_of={"none": 2.0, "vector": 9.0}, noise=0.0))
    rows = texts(memory_table(twice, [twice], BOUNDS))
    assert rows["scalar"] == ["14.00", "9.00", "6.50", "-"]
    assert rows["none"][:4] == ["24.00", "14.00", "9.00", "9.00 to 14.00"]
    assert rows["none"][4].startswith("-5.8%")
    assert rows["vector"][3:] == ["-"]  # a dash for a loss was measured nowhere


def test_the_shared_bytes_are_there_before_anything_is_trained(invent_variants: Invent) -> None:
    predicted = [one for one in invent_variants(PLAN, {}) if one.meter == "predict"]
    runs = runs_of(PLAN, predicted)
    assert texts(memory_table(runs, [runs], BOUNDS))["none"][3:] == ["6.50 to 14.00"]


def test_costs_are_told_against_the_reference(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}, bytes_of={"none": 1.1}))
    memory, training = texts(bytes_table(runs)), texts(training_cost_table(runs))
    assert memory["most over least"] == ["-"] * 3 + ["+7.1%", "+5.6%", "+3.8%"]
    assert memory["none"] == ["15.00", "9.50", "6.75", "+7.1%", "+5.6%", "+3.8%"]
    assert training["most over least"] == ["+2.0%", "+1.1%", "+0.6%"] * 2
    assert memory["scalar"][3:] + training["scalar"] == ["0.0%"] * 9


def test_another_default_of_the_package_shows(runs: Runs) -> None:
    found = against_reference(runs, "width", BOUNDS)
    (row,) = defaults_table(runs, {"gate": found}).rows
    assert row == ["`gate`", *[LadderConfig().gate] * 4, "lower loss than vector; not told apart from none"]
    other = dataclasses.replace(PLAN, variants=(variant("none", (4,), gate="none"), *PLAN.others))
    (row,) = defaults_table(Runs(other, {}, {}), {"gate": "Nothing."}).rows
    assert str(row[-1]).startswith("Ladder's default is no longer what was compared here, none.")


def test_what_decides_beside_the_default_alone_is_shown_and_its_change_shows_too(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = defaults_table(runs, {"downsample": "Nothing."}).rows
    assert row[1:] == [
        "frozen (basis principal)",
        "frozen (basis principal)",
        "linear",
        "adapter (downsample rank 16)",
        "Nothing.",
    ]
    monkeypatch.setattr(LadderConfig, "__init__", partialmethod(LadderConfig.__init__, basis="random"))
    (row,) = defaults_table(runs, {"downsample": "Nothing."}).rows
    assert row[1] == "frozen (basis random)"
    assert row[-1] == "Ladder's default is no longer what was compared here, frozen (basis principal). Nothing."


def test_a_figure_of_two_sources_says_which_is_which(runs: Runs) -> None:
    by_memory = differences_figure(runs, "memory", against_reference(runs, "memory", BOUNDS))
    for figure in (memory_figure(runs), by_memory):
        assert figure.whole_caption.startswith("In part **predicted**, in part **measured on a CPU**. ")
        assert "predicted" in figure.caption
        assert "measured" in figure.caption
    assert "predicted" not in differences_figure(runs, "width", {}).whole_caption


def test_figures_can_be_drawn(runs: Runs) -> None:
    from matplotlib.figure import Figure as Canvas

    found = against_reference(runs, "width", BOUNDS)
    for figure in (memory_figure(runs), differences_figure(runs, "width", found)):
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert len(canvas.axes[0].lines) >= 3
    assert memory_figure(runs).bases == {"predicted", "measured on a CPU"}
