"""Intervals around the curve."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import Points
from ladderscope.scaling.results.estimates import Band
from ladderscope.scaling.results.values import from_values, to_values
from ladderscope.scaling.uncertainty.bands import interval_at
from ladderscope.scaling.uncertainty.covariance import clustered_covariance

OLS = Objective(kind="ols")
MakePoints = Callable[..., Points]


def test_many_runs_of_one_point_give_the_textbook_bands(line: Law) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 500)
    points = Points.of(x, 1 + x + 0.3 * rng.normal(size=500))
    fitted = fit_law(line, points, OLS)
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    at = np.array([[0.0], [0.5], [2.0]])
    textbook = sm.OLS(points.y, sm.add_constant(points.x)).fit().get_prediction(sm.add_constant(at)).summary_frame()
    value, low, high = interval_at(fitted, covariance, at, kind="mean")
    assert value == pytest.approx(textbook["mean"])
    assert high - low == pytest.approx(textbook["mean_ci_upper"] - textbook["mean_ci_lower"], rel=0.1)
    value, low, high = interval_at(fitted, covariance, at, kind="new-run")
    assert high - low == pytest.approx(textbook["obs_ci_upper"] - textbook["obs_ci_lower"], rel=0.02)


def test_losses_have_bands_that_stay_positive_and_hold_the_curve(power_points: MakePoints) -> None:
    fitted = fit_law(PowerOffset(), power_points(), OLS)
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    at = np.geomspace(1e5, 1e12, 7)[:, None]
    value, low, high = interval_at(fitted, covariance, at, kind="mean")
    _, new_low, new_high = interval_at(fitted, covariance, at, kind="new-run")
    assert value == pytest.approx(PowerOffset().predict(fitted.values, at))
    assert np.all((new_low > 0) & (new_low < low) & (low < value) & (value < high) & (high < new_high))


def test_a_higher_confidence_is_wider(power_points: MakePoints) -> None:
    fitted = fit_law(PowerOffset(), power_points(), OLS)
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    at = np.array([[1e8]])
    _, low, _ = interval_at(fitted, covariance, at, kind="mean", confidence=0.9)
    _, lower, _ = interval_at(fitted, covariance, at, kind="mean", confidence=0.99)
    assert lower[0] < low[0]


def test_bands_that_overflow_end_at_a_number_and_come_back_from_json(power_points: MakePoints) -> None:
    fitted = fit_law(PowerOffset(), power_points())
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    vague = replace(covariance, matrix=1e12 * covariance.matrix)
    y, low, high = interval_at(fitted, vague, np.geomspace(1e6, 1e12, 5)[:, None], kind="mean")
    assert np.all(np.isfinite(high))
    assert high.max() > 1e300
    band = Band(x=[1.0] * 5, y=y.tolist(), low=low.tolist(), high=high.tolist())
    assert from_values(Band, json.loads(json.dumps(to_values(band)))) == band
