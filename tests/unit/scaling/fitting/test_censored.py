"""Cells that ran out of memory say that they need at least what there was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from ladderscope.scaling.fitting.censored import censored_residuals, censored_slopes
from ladderscope.scaling.fitting.fit import fit_law, refit
from ladderscope.scaling.fitting.objective import Objective, ObjectiveKind
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import Points

LAW = law_named("memory-linear")
CAPACITY = 24e9
TRUTH = {"c0": 2e9, "c1": 5e6}
OLS = Objective(kind="ols")


def _cells(noise: float, seed: int = 0, n: int = 400) -> Points:
    """Cells at random lengths, a good part of which would need more than the device has."""
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(np.log(256), np.log(10000), size=n))
    y = LAW.predict(TRUTH, x[:, None]) * np.exp(rng.normal(scale=noise, size=n))
    return Points.of(x, np.minimum(y, CAPACITY), censored=y > CAPACITY)


def _measured(points: Points) -> Points:
    return Points.of(points.x, points.y)


def test_out_of_memory_cells_do_not_bias_least_squares_but_leaving_them_out_or_taking_them_as_measured_does() -> None:
    points = _cells(noise=0.3)
    assert 0.1 < points.censored.mean() < 0.5
    slopes = {
        "censored": fit_law(LAW, points, OLS).values["c1"],
        "left out": fit_law(LAW, points.subset(~points.censored), OLS).values["c1"],
        "as measured": fit_law(LAW, _measured(points), OLS).values["c1"],
    }
    assert slopes["censored"] == pytest.approx(TRUTH["c1"], rel=0.05)
    assert slopes["left out"] < 0.9 * TRUTH["c1"]
    assert slopes["as measured"] < 0.9 * TRUTH["c1"]


def test_the_likelihood_is_tobins() -> None:
    points = _cells(noise=0.2, n=60)
    fitted = fit_law(LAW, points, OLS)

    def minus_log_likelihood(p: np.ndarray) -> float:
        residuals = LAW.prediction(p[:2] * [1e9, 1e6], points.x) - np.log(points.y)
        deviation = np.exp(p[2])
        seen = norm.logpdf(residuals[~points.censored], scale=deviation).sum()
        return -float(seen + norm.logcdf(residuals[points.censored] / deviation).sum())

    oracle = minimize(
        minus_log_likelihood,
        [2, 5, -1.5],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000},
    )
    assert fitted.theta / [1e9, 1e6] == pytest.approx(oracle.x[:2], rel=1e-4)
    assert fitted.objective.deviation == pytest.approx(np.exp(oracle.x[2]), rel=1e-3)


@pytest.mark.parametrize("kind", ["ols", "huber", "lad"])
def test_without_noise_cells_above_the_bound_change_nothing(kind: ObjectiveKind) -> None:
    points = _cells(noise=0.0, n=40)
    fitted = fit_law(LAW, points, Objective(kind=kind))
    assert fitted.values == pytest.approx(TRUTH, rel=1e-6)
    assert not fitted.objective.deviation


@pytest.mark.parametrize("kind", ["huber", "lad"])
def test_robust_objectives_take_a_cell_as_measured_only_from_below(kind: ObjectiveKind) -> None:
    x = np.array([512.0, 1024.0, 2048.0, 4096.0, 8192.0])
    y = LAW.predict(TRUTH, x[:, None])
    y[-1] = 0.5 * y[-1]
    censored = np.array([False, False, False, False, True])
    assert fit_law(LAW, Points.of(x, y, censored=censored), Objective(kind=kind)).values == pytest.approx(
        TRUTH, rel=1e-6
    )


@pytest.mark.parametrize("deviation", [0.0, 0.05, 1.0])
def test_slopes_of_censored_residuals_are_their_derivatives(deviation: float) -> None:
    r = np.array([-5.0, -0.3, -0.01, 0.02, 0.4, 60.0])
    step = 1e-6
    numerical = (censored_residuals(r + step, deviation) - censored_residuals(r - step, deviation)) / (2 * step)
    np.testing.assert_allclose(censored_slopes(r, deviation), numerical, atol=1e-7)


def test_half_the_square_of_a_censored_residual_is_the_likelihood() -> None:
    r, deviation = np.array([-0.4, 0.0, 0.1]), 0.2
    np.testing.assert_allclose(
        0.5 * censored_residuals(r, deviation) ** 2, -(deviation**2) * norm.logcdf(r / deviation)
    )


def test_refits_keep_the_deviation() -> None:
    points = _cells(noise=0.2, n=60)
    fitted = fit_law(LAW, points, OLS)
    again = refit(fitted, points)
    assert again.objective == fitted.objective
    np.testing.assert_allclose(again.theta, fitted.theta, rtol=1e-5)
