from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ladderscope.scaling.allocation import allocate
from ladderscope.scaling.allocation.parabola import Parabola
from ladderscope.scaling.settings import FitSettings
from tests.unit.scaling.allocation.made_up import MakeTable, best_size, table_of

SETTINGS = FitSettings(resamples=60)
NO_INTERVALS = FitSettings(resamples=0)


def test_symmetric_grids_with_equal_exponents_give_the_frontier_exactly(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(), NO_INTERVALS, budgets=[1e20])

    assert found.params_exponent.value == pytest.approx(0.5, abs=1e-9)
    assert found.tokens_exponent.value == pytest.approx(0.5, abs=1e-9)
    assert [one.optimum.value for one in found.parabolas] == pytest.approx(
        [best_size(compute, 0.34, 0.34) for compute in np.geomspace(1e18, 1e21, 4)], rel=1e-6
    )
    (optimum,) = found.optima
    assert optimum.params.value == pytest.approx(best_size(1e20, 0.34, 0.34), rel=1e-6)
    assert optimum.tokens.value == pytest.approx(1e20 / 6 / best_size(1e20, 0.34, 0.34), rel=1e-6)


def test_intervals_contain_the_truth(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(noise=0.002), SETTINGS, budgets=[1e20])

    exponent, size = found.params_exponent, found.optima[0].params
    assert exponent.low is not None
    assert exponent.high is not None
    assert exponent.low < 0.5 < exponent.high
    assert exponent.high - exponent.low < 0.1
    assert size.low is not None
    assert size.high is not None
    assert size.low < best_size(1e20, 0.34, 0.34) < size.high
    assert found.interval_method == "bootstrap over runs"


def test_unequal_exponents_bias_parabolas_and_a_note_says_so(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(0.3, 0.4), NO_INTERVALS)

    ratios = [(one.optimum.value or 0) / best_size(one.compute, 0.3, 0.4) for one in found.parabolas]
    assert all(ratio < 0.98 for ratio in ratios)
    assert found.params_exponent.value == pytest.approx(4 / 7, abs=1e-6), "the bias is the same at every budget"
    assert any("2603.22339" in note for note in found.notes)


def test_off_centre_grids_are_flagged(budgets_table: MakeTable) -> None:
    centred = allocate("isoflop", budgets_table(), NO_INTERVALS)
    shifted = allocate("isoflop", budgets_table(shift=2.5), NO_INTERVALS)

    assert not any("Off-centre" in note for note in centred.notes)
    (note,) = (note for note in shifted.notes if "Off-centre" in note)
    assert "10 EFLOP" in note
    assert "100 EFLOP" in note


def test_lowest_points_beyond_the_sizes_are_refused(budgets_table: MakeTable) -> None:
    found = allocate("isoflop", budgets_table(shift=8, spread=2), NO_INTERVALS)

    assert found.params_exponent.value is None
    assert not found.optima
    assert found.reason is not None
    assert "0 of 4" in found.reason
    assert all("outside of the runs'" in (one.optimum.reason or "") for one in found.parabolas)


def test_losses_that_curve_downwards_have_no_lowest_point(budgets_table: MakeTable) -> None:
    table = budgets_table()
    upside_down = replace(table, frame=table.frame.assign(y=10 - table.frame["y"]))

    found = allocate("isoflop", upside_down, NO_INTERVALS)

    assert all("does not curve upwards" in (one.optimum.reason or "") for one in found.parabolas)
    assert found.reason is not None


def test_budgets_a_few_percent_apart_are_one_and_lonely_ones_are_left_out(budgets_table: MakeTable) -> None:
    frame = budgets_table().frame
    jitter = 1 + 0.02 * np.random.default_rng(0).uniform(-1, 1, len(frame))
    lonely = frame.iloc[[0]].assign(C=5e18, run="lonely")
    parts = [frame.assign(C=frame["C"] * jitter, D=frame["D"] * jitter), lonely]
    table = table_of(pd.concat(parts, ignore_index=True))

    found = allocate("isoflop", table, NO_INTERVALS)

    assert [len(one.params) for one in found.parabolas] == [7, 7, 7, 7]
    assert any("fewer than 3 sizes share their budget: 1 of 29 runs" in note for note in found.notes)


def test_only_the_end_of_a_run_counts(budgets_table: MakeTable) -> None:
    frame = budgets_table().frame
    earlier = frame.assign(D=frame["D"] / 2, C=frame["C"] / 2, y=frame["y"] + 1)
    table = table_of(pd.concat([frame, earlier], ignore_index=True))

    found = allocate("isoflop", table, NO_INTERVALS)

    assert found.params_exponent.value == pytest.approx(0.5, abs=1e-9)
    assert any("28 earlier points were not used" in note for note in found.notes)


def test_fieller_interval_holds_the_slopes_that_cannot_be_told_from_zero() -> None:
    rng = np.random.default_rng(5)
    z = np.linspace(-2, 2, 9)
    loss = 3 + 0.05 * (z - 0.3) ** 2 + 0.01 * rng.normal(size=9)
    parabola = Parabola.through(20 + z, loss, np.ones(9))

    found = parabola.optimum(0.95)

    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < np.exp(20.3) < found.high
    covariance = parabola.variance * np.linalg.inv(parabola.curvature)
    for end in (found.low, found.high):
        slope = np.array([0, 1, 2 * (np.log(end) - 20)])
        t = slope @ parabola.coefficients / np.sqrt(slope @ covariance @ slope)
        assert abs(t) == pytest.approx(stats.t.ppf(0.975, 6), rel=1e-6)


def test_a_vertex_without_enough_runs_or_curvature_has_no_interval() -> None:
    z = np.array([-1.0, 0.0, 1.0])
    three = Parabola.through(z, z**2, np.ones(3)).optimum(0.95)
    noisy = Parabola.through(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([3.0, 3.3, 2.9, 3.5]), np.ones(4)).optimum(
        0.95
    )

    assert three.value == pytest.approx(1.0)
    assert three.low is None
    assert "three runs" in (three.reason or "")
    assert noisy.value is not None
    assert noisy.low is None
    assert "curvature" in (noisy.reason or "")
