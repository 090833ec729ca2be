"""AICc, with points of one run as what they are: not independent."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from ladderscope.scaling.choice.aicc import RunCorrelation, aicc, least_points
from ladderscope.scaling.choice.quick import least_squares_fit
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import Points
from ladderscope.scaling.settings import FitSettings

X = np.geomspace(1e2, 1e6, 12)
VALUES = {"E": 1.5, "B": 20.0, "lambda": 0.35}


def curves(runs: int, run_noise: float, noise: float, seed: int = 0) -> Points:
    rng = np.random.default_rng(seed)
    run = np.repeat(np.arange(runs), len(X))
    y = law_named("power-offset").predict(VALUES, np.tile(X, runs)[:, None])
    shared = run_noise * rng.standard_normal(runs)
    return Points.of(np.tile(X, runs), y * np.exp(shared[run] + noise * rng.standard_normal(len(y))), run=run)


def fitted(law: str, points: Points) -> FittedLaw:
    fit = least_squares_fit(law_named(law), points, FitSettings(starts=6))
    assert fit is not None
    return fit


def test_of_independent_points_it_is_that_of_linear_regression() -> None:
    rng = np.random.default_rng(1)
    y = 30 * X**-0.2 * np.exp(0.01 * rng.standard_normal(len(X)))
    line = sm.OLS(np.log(y), sm.add_constant(np.log(X))).fit()
    k, n = 3, len(X)
    of_logarithms = -2 * line.llf + 2 * k + 2 * k * (k + 1) / (n - k - 1)

    found = aicc(fitted("power", Points.of(X, y)), RunCorrelation())

    assert found == pytest.approx(of_logarithms + 2 * np.log(y).sum(), rel=1e-6)


def test_there_is_none_with_as_few_points_as_the_correction_needs() -> None:
    points = Points.of(X[:5], law_named("power-offset").predict(VALUES, X[:5, None]))

    assert aicc(fitted("power-offset", points), RunCorrelation()) is None
    assert least_points(3) == 6


def test_runs_of_one_point_are_independent() -> None:
    assert RunCorrelation.of(fitted("power", Points.of(X, 30 * X**-0.2))) == RunCorrelation(0.0, 0.0)


def test_a_deviation_that_runs_share_shows_as_correlation_within_runs() -> None:
    correlated = RunCorrelation.of(fitted("power-offset", curves(30, run_noise=0.02, noise=0.01)))
    independent = RunCorrelation.of(fitted("power-offset", curves(30, run_noise=0.0, noise=0.01)))

    assert correlated.shared == pytest.approx(0.8, abs=0.12)
    assert correlated.serial < 0.15
    assert independent.shared < 0.1


def test_neighbours_along_one_run_that_move_together_count_less() -> None:
    rng = np.random.default_rng(2)
    steps = np.geomspace(1e2, 1e6, 2000)
    noise = np.zeros(2000)
    for i in range(1, 2000):
        noise[i] = 0.7 * noise[i - 1] + 0.01 * rng.standard_normal()
    y = law_named("power-offset").predict(VALUES, steps[:, None]) * np.exp(noise)

    found = RunCorrelation.of(fitted("power-offset", Points.of(steps, y, run=np.zeros(2000, dtype=np.int64))))

    assert found.serial == pytest.approx(0.7, abs=0.05)
    assert found.discount == pytest.approx(0.3 / 1.7, abs=0.04)


def test_the_shape_within_runs_counts_although_their_levels_differ() -> None:
    """Runs 5% apart would hide a curvature of 1% if only the spread of all points counted."""
    points = curves(6, run_noise=0.05, noise=0.002)
    right, wrong = fitted("power-offset", points), fitted("power", points)
    correlation = RunCorrelation.of(right)

    with_runs = aicc(wrong, correlation), aicc(right, correlation)

    assert with_runs[0] is not None
    assert with_runs[1] is not None
    assert correlation.shared > 0.95
    assert with_runs[0] - with_runs[1] > 100


def test_laws_of_values_and_of_logarithms_can_be_compared() -> None:
    """Noise of the same size at all memories speaks for residuals of bytes, not of logarithms."""
    rng = np.random.default_rng(3)
    x = np.geomspace(1e6, 1e9, 40)
    points = Points.of(x, 1e8 + 4 * x + 2e7 * rng.standard_normal(40))
    linear = least_squares_fit(law_named("memory-linear"), points, FitSettings())
    power = fitted("power", points)
    assert linear is not None

    of_bytes, of_logarithms = aicc(linear, RunCorrelation()), aicc(power, RunCorrelation())

    assert of_bytes is not None
    assert of_logarithms is not None
    assert of_bytes < of_logarithms


def test_curves_without_noise_do_not_make_infinite_evidence() -> None:
    points = Points.of(X, law_named("power-offset").predict(VALUES, X[:, None]))

    simple, large = (aicc(fitted(law, points), RunCorrelation()) for law in ("power-offset", "rectified"))

    assert simple is not None
    assert large is not None
    assert simple < large < simple + 20
