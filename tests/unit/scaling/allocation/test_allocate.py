from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pandas as pd
import pytest

from ladderscope.errors import UnknownNameError
from ladderscope.scaling.allocation import allocate
from ladderscope.scaling.results.allocation import Allocation, Approach
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.results.values import from_values, to_values
from ladderscope.scaling.settings import FitSettings
from tests.unit.scaling.allocation.made_up import MakeTable, table_of

SETTINGS = FitSettings(resamples=60)
NO_INTERVALS = FitSettings(resamples=0)
each_approach = pytest.mark.parametrize("approach", get_args(Approach))


@each_approach
def test_several_groups_are_refused_with_the_condition_that_keeps_one(
    approach: Approach, budgets_table: MakeTable
) -> None:
    frame = budgets_table().frame
    other = frame.assign(group="side", run=frame["run"] + " side")

    found = allocate(approach, table_of(pd.concat([frame, other], ignore_index=True)), NO_INTERVALS)

    assert found.reason is not None
    assert "2 groups" in found.reason
    assert "--where \"method == 'lora'\"" in found.reason


@pytest.mark.parametrize(
    ("approach", "axes", "lacks"),
    [("parametric", "NC", "no D (tokens)"), ("isoflop", "ND", "no C (training compute)"), ("envelope", "DC", "no N")],
)
def test_a_missing_predictor_is_named(approach: Approach, axes: str, lacks: str, budgets_table: MakeTable) -> None:
    found = allocate(approach, table_of(budgets_table().frame, axes), NO_INTERVALS)

    assert found.reason is not None
    assert lacks in found.reason
    assert f"--columns {lacks[3]}=" in found.reason


@each_approach
def test_memory_is_no_loss(approach: Approach, budgets_table: MakeTable) -> None:
    memory = AxisInfo(name="peak", label="peak memory", unit="bytes")

    found = allocate(approach, replace(budgets_table(), response=memory), NO_INTERVALS)

    assert found.reason is not None
    assert "peak memory" in found.reason


@each_approach
def test_a_handful_of_points_gives_a_reason_and_no_exception(approach: Approach, budgets_table: MakeTable) -> None:
    for n in (0, 1, 2, 4):
        found = allocate(approach, table_of(budgets_table().frame.iloc[:n]), NO_INTERVALS)

        assert found.reason
        assert found.params_exponent.value is None


def test_three_runs_give_estimates_without_intervals(curves_table: MakeTable) -> None:
    found = allocate("parametric", curves_table(sizes=3), SETTINGS)

    assert found.params_exponent.value == pytest.approx(0.5, abs=1e-3)
    assert found.params_exponent.low is None
    assert "too few runs (3)" in (found.params_exponent.reason or "")
    assert found.optima[0].params.low is None
    assert found.interval_method == ""


def test_no_resamples_give_estimates_without_intervals(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(), NO_INTERVALS)

    assert found.params_exponent.value is not None
    assert found.params_exponent.low is None
    assert found.params_exponent.reason == "no bootstrap was asked for"


def test_the_seed_decides_the_interval(budgets_table: MakeTable) -> None:
    table = budgets_table(noise=0.002)

    first, again, other = (allocate("isoflop", table, FitSettings(resamples=50, seed=seed)) for seed in (0, 0, 1))

    assert first == again
    assert first.params_exponent.low != other.params_exponent.low


@each_approach
def test_without_budgets_a_few_span_the_compute_and_a_note_says_so(
    approach: Approach, budgets_table: MakeTable, curves_table: MakeTable
) -> None:
    table = curves_table() if approach == "envelope" else budgets_table()

    found = allocate(approach, table, NO_INTERVALS)

    assert len(found.optima) == 5
    assert found.optima[0].compute == pytest.approx(table.frame["C"].min())
    assert found.optima[-1].compute == pytest.approx(table.frame["C"].max())
    assert any("No budgets were asked for" in note for note in found.notes)


def test_budgets_beyond_the_data_are_told(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(), NO_INTERVALS, budgets=[1e20, 1e24])

    (note,) = (note for note in found.notes if "Extrapolated" in note)
    assert note.endswith(": 1 YFLOP.")


def test_an_allocation_survives_its_file(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(noise=0.002), SETTINGS)

    assert from_values(Allocation, to_values(found)) == found


def test_an_unknown_approach_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'isoflop'"):
        allocate("isoflops", table_of(pd.DataFrame({"y": []})), SETTINGS)  # type: ignore[arg-type]
