"""A law held against the largest scale, which it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ladderscope.scaling.choice.extrapolation import extrapolate
from ladderscope.scaling.choice.judged import Judged, judge
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import Points
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group

MakeGroup = Callable[..., Group]
VALUES = {"E": 1.5, "B": 20.0, "lambda": 0.35}
SETTINGS = FitSettings(starts=3)
X = np.geomspace(1e2, 1e6, 10)


def test_a_curve_without_noise_is_met_exactly(make_group: MakeGroup) -> None:
    found = extrapolate(law_named("power-offset"), make_group("power-offset", VALUES, X), SETTINGS, ["C"])

    assert found is not None
    assert (found.predictor, found.n_points) == ("C", 1)
    assert found.above == pytest.approx(X[-2])
    assert found.largest_relative_error < 1e-6


def test_the_wrong_law_misses_by_what_it_misses(make_group: MakeGroup) -> None:
    group = make_group("power-offset", VALUES, X)
    fitted_line = np.polyfit(np.log(X[:-1]), np.log(group.points.y[:-1]), 1)
    missed = abs(np.exp(np.polyval(fitted_line, np.log(X[-1]))) / group.points.y[-1] - 1)

    settings = replace(SETTINGS, objective=Objective(kind="ols"))
    found = extrapolate(law_named("power"), group, settings, ["C"])

    assert found is not None
    assert found.median_relative_error == pytest.approx(missed, rel=1e-5)


def test_the_band_for_new_runs_covers_what_was_left_out(make_group: MakeGroup) -> None:
    coverages = []
    for seed in range(6):
        group = make_group("power-offset", VALUES, X, 0.005, seed=seed, runs=8, run_noise=0.01)
        found = extrapolate(law_named("power-offset"), group, SETTINGS, ["C"])
        assert found is not None
        assert found.coverage is not None
        coverages.append(found.coverage)

    assert np.mean(coverages) > 0.85


def test_errors_are_summed_up_by_median_and_largest(make_group: MakeGroup) -> None:
    group = make_group("power-offset", VALUES, np.repeat(X, 3), 0.01)

    found = extrapolate(law_named("power-offset"), group, SETTINGS, ["D"])

    assert found is not None
    assert found.n_points == 3
    assert 0 < found.median_relative_error < found.largest_relative_error < 0.1


def test_few_runs_have_errors_but_no_band(make_group: MakeGroup) -> None:
    group = make_group("power-offset", VALUES, X, 0.005, runs=2)

    found = extrapolate(law_named("power-offset"), group, SETTINGS, ["C"])

    assert found is not None
    assert found.coverage is None


def test_there_is_none_where_the_rest_cannot_determine_the_law(make_group: MakeGroup) -> None:
    group = make_group("power-offset", VALUES, X[:4], 0.01)

    assert extrapolate(law_named("power-offset"), group, SETTINGS, ["C"]) is None


def test_there_is_none_where_nothing_was_measured() -> None:
    points = Points.of(X, np.ones(10), censored=np.ones(10, dtype=bool))

    assert extrapolate(law_named("power"), Group("all", points, [], []), SETTINGS, ["C"]) is None


def test_a_law_is_not_extrapolated_where_it_is_not_fitted(make_group: MakeGroup) -> None:
    falling = make_group("power", {"B": 20.0, "lambda": 0.35}, X, noise=0.01)
    rising = replace(falling, points=falling.points.with_y(1 / falling.points.y))

    assert extrapolate(law_named("power"), falling, SETTINGS, ["C"]) is not None
    assert extrapolate(law_named("power"), rising, SETTINGS, ["C"]) is None


def test_points_that_hardly_count_do_not_decide_how_far_off_a_law_is(make_group: MakeGroup) -> None:
    law = law_named("power")
    group = make_group("power", {"B": 20.0, "lambda": 0.35}, X, noise=1e-3, runs=4)
    odd = np.arange(len(group.points)) % len(X) == len(X) - 1
    odd &= group.points.run < 3
    y, weights = np.where(odd, 2 * group.points.y, group.points.y), np.where(odd, 1e-4, 1.0)
    weighted = replace(group, points=replace(group.points, y=y, weights=weights))

    found = extrapolate(law, weighted, SETTINGS, ["C"])
    judged = judge([law], {"power": weighted.points}, SETTINGS)["power"]

    assert found is not None
    assert found.largest_relative_error > 0.4
    assert found.median_relative_error < 0.01
    assert isinstance(judged, Judged)
    assert judged.held_out_error < 0.01
    assert judged.deviation < 0.02


def test_left_out_checkpoints_of_runs_that_were_fitted_are_said_to_be_so(make_group: MakeGroup) -> None:
    checkpoints = extrapolate(
        law_named("power"), make_group("power-offset", VALUES, X, 0.005, runs=8), SETTINGS, ["C"]
    )
    single = extrapolate(law_named("power"), make_group("power-offset", VALUES, X, 0.005), SETTINGS, ["C"])

    assert checkpoints is not None
    assert single is not None
    assert checkpoints.of_fitted_runs
    assert not single.of_fitted_runs
