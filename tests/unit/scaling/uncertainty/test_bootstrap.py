"""The bootstraps by run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import Points
from ladderscope.scaling.uncertainty.bootstrap import pairs_bootstrap
from ladderscope.scaling.uncertainty.covariance import clustered_covariance
from ladderscope.scaling.uncertainty.wild import WEBB_WEIGHTS, inflated_residuals, wild_bootstrap

OLS = Objective(kind="ols")
MakePoints = Callable[..., Points]


def test_webb_weights_have_mean_0_and_variance_1() -> None:
    assert len(set(WEBB_WEIGHTS)) == 6
    assert WEBB_WEIGHTS.mean() == pytest.approx(0, abs=1e-15)
    assert np.mean(WEBB_WEIGHTS**2) == pytest.approx(1)


@pytest.mark.parametrize("bootstrap", [pairs_bootstrap, wild_bootstrap])
def test_the_same_seed_gives_the_same_draws(bootstrap: Callable[..., object], power_points: MakePoints) -> None:
    fitted = fit_law(PowerOffset(), power_points(), OLS)
    first, again, other = (bootstrap(fitted, 5, seed=seed).theta for seed in (1, 1, 2))  # type: ignore[attr-defined]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("bootstrap", [pairs_bootstrap, wild_bootstrap])
def test_progress_counts_every_resample(bootstrap: Callable[..., object], power_points: MakePoints) -> None:
    counted: list[int] = []
    bootstrap(fit_law(PowerOffset(), power_points(), OLS), 7, advance=counted.append)
    assert sum(counted) == 7


def test_draws_of_runs_spread_as_the_clustered_covariance_says(line: Law, line_points: MakePoints) -> None:
    fitted = fit_law(line, line_points(n_runs=40), OLS)
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    draws = pairs_bootstrap(fitted, 400)
    assert draws.failed == 0
    assert draws.theta.std(axis=0) == pytest.approx(covariance.standard_errors, rel=0.2)
    low, high = draws.percentiles(0.95)
    assert high - low == pytest.approx(2 * 1.96 * covariance.standard_errors, rel=0.25)


def test_wild_draws_keep_what_the_points_of_a_run_share(line: Law, line_points: MakePoints) -> None:
    fitted = fit_law(line, line_points(n_runs=40), OLS)
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    draws = wild_bootstrap(fitted, 400)
    assert draws.theta.std(axis=0) == pytest.approx(covariance.standard_errors, rel=0.2)
    assert draws.critical_values(0.95) == pytest.approx(2.02, rel=0.15)


def test_few_runs_have_wider_critical_values_than_many(line: Law, line_points: MakePoints) -> None:
    few = wild_bootstrap(fit_law(line, line_points(n_runs=5), OLS), 250).critical_values(0.95)
    many = wild_bootstrap(fit_law(line, line_points(n_runs=40), OLS), 250).critical_values(0.95)
    assert np.all(few > 1.15 * many)


def test_residuals_of_runs_that_pull_the_fit_are_inflated_most(line: Law) -> None:
    x = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 9.0])
    fitted = fit_law(line, Points.of(x, x + np.array([0.1, -0.1, 0.1, -0.1, 0.1, 0.1])), OLS)
    gain = inflated_residuals(fitted) / fitted.residuals
    hat = np.diag(fitted.jacobian @ np.linalg.pinv(fitted.jacobian))
    assert gain == pytest.approx((1 - np.minimum(hat, 0.999)) ** -0.5)
    assert gain.argmax() == 5


def test_a_draw_with_too_few_different_x_is_a_failure_and_no_error() -> None:
    rng = np.random.default_rng(0)
    x = np.geomspace(1e7, 1e9, 4)
    loss = PowerOffset().predict({"E": 1.7, "B": 60.0, "lambda": 0.25}, x[:, None]) * np.exp(0.01 * rng.normal(size=4))
    draws = pairs_bootstrap(fit_law(PowerOffset(), Points.of(x, loss), OLS), 100)
    assert 20 < draws.failed < 50
    assert len(draws.theta) + draws.failed == 100
    assert draws.enough


def test_no_resamples_are_no_draws(power_points: MakePoints) -> None:
    fitted = fit_law(PowerOffset(), power_points(), OLS)
    assert len(pairs_bootstrap(fitted, 0).theta) == 0
    assert len(wild_bootstrap(fitted, 0).theta) == 0


def test_without_a_covariance_wild_draws_fail(power_points: MakePoints) -> None:
    draws = wild_bootstrap(fit_law(PowerOffset(), power_points(n_runs=2), OLS), 10)
    assert draws.failed == 10
    assert not draws.enough


def test_reproduces_the_published_deviations_of_chinchilla(epoch_points: Points) -> None:
    """Besiroglu et al. 2024 (arXiv:2404.10102): 4000 draws of the 240 points, Huber's objective with delta 1e-3."""
    fitted = fit_law(Chinchilla(), epoch_points, Objective(delta=1e-3))
    draws = pairs_bootstrap(fitted, 400, seed=0)
    found = [fitted.law.values(theta) for theta in draws.theta]
    deviations = {name: np.std([values[name] for values in found], ddof=1) for name in fitted.law.names}
    published = {"E": 0.02566, "A": 124.522, "B": 1293.284, "alpha": 0.01540, "beta": 0.02060}
    assert deviations == pytest.approx(published, rel=0.1)
