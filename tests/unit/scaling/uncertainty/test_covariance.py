"""The covariance clustered by run, against brute force and statsmodels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import statsmodels.api as sm

from ladderscope.scaling.fitting.fit import fit_law, refit
from ladderscope.scaling.fitting.objective import Objective, ObjectiveKind
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance, clustered_covariance, fewest_runs
from ladderscope.scaling.uncertainty.profile import profiles

OLS = Objective(kind="ols")
MakePoints = Callable[..., Points]


def covariance_of(
    law: Law, points: Points, objective: Objective = OLS, near: FloatArray | None = None
) -> ClusteredCovariance:
    found = clustered_covariance(fit_law(law, points, objective, near=near))
    assert found is not None
    return found


def brute_force(law: Law, points: Points, objective: Objective = OLS) -> FloatArray:
    """The jackknife by run: refitted without each, around the mean of the refits."""
    whole = fit_law(law, points, objective)
    parts = [points.subset(points.run != run) for run in range(points.n_runs)]
    thetas = np.array([refit(whole, part, tolerance=1e-12).theta for part in parts])
    centred = thetas - thetas.mean(axis=0)
    return np.asarray((len(thetas) - 1) / len(thetas) * centred.T @ centred)


def test_equals_the_brute_force_jackknife_for_a_linear_law(line: Law, line_points: MakePoints) -> None:
    points = line_points()
    assert covariance_of(line, points).matrix == pytest.approx(brute_force(line, points), rel=1e-6)


def test_is_near_the_brute_force_jackknife_for_a_curved_law(power_points: MakePoints) -> None:
    points = power_points(n_runs=8)
    found = np.sqrt(np.diag(covariance_of(PowerOffset(), points).matrix))
    assert found == pytest.approx(np.sqrt(np.diag(brute_force(PowerOffset(), points))), rel=0.1)


def test_is_wider_than_the_uncorrected_sandwich_of_statsmodels(line: Law, line_points: MakePoints) -> None:
    points = line_points(n_runs=9)
    ours = covariance_of(line, points).standard_errors
    theirs = sm.OLS(points.y, sm.add_constant(points.x)).fit(cov_type="cluster", cov_kwds={"groups": points.run}).bse
    assert np.all(ours > theirs)
    assert ours == pytest.approx(theirs, rel=0.35)


def test_comes_to_the_sandwich_of_statsmodels_with_many_runs(line: Law, line_points: MakePoints) -> None:
    points = line_points(n_runs=300)
    theirs = sm.OLS(points.y, sm.add_constant(points.x)).fit(cov_type="cluster", cov_kwds={"groups": points.run}).bse
    assert covariance_of(line, points).standard_errors == pytest.approx(theirs, rel=0.01)


def test_equals_hc3_around_its_mean_where_every_point_is_its_own_run(line: Law) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 40)
    points = Points.of(x, x + rng.normal(size=40))
    theirs = sm.OLS(points.y, sm.add_constant(points.x)).fit(cov_type="HC3").bse
    assert covariance_of(line, points).standard_errors == pytest.approx(theirs, rel=0.02)


def test_weights_are_those_of_weighted_least_squares(line: Law, line_points: MakePoints) -> None:
    points = line_points(n_runs=300)
    weights = np.random.default_rng(1).uniform(0.2, 3.0, len(points))
    weighted = Points.of(points.x, points.y, run=points.run, weights=weights)
    model = sm.WLS(points.y, sm.add_constant(points.x), weights=weights)
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": points.run}).bse
    assert covariance_of(line, weighted).standard_errors == pytest.approx(theirs, rel=0.01)


def test_a_robust_objective_gives_a_like_covariance_on_normal_noise(line: Law, line_points: MakePoints) -> None:
    points = line_points(n_runs=60, run_deviation=0.0)
    squares = covariance_of(line, points).standard_errors
    assert covariance_of(line, points, Objective(kind="huber")).standard_errors == pytest.approx(squares, rel=0.2)
    absolute = covariance_of(line, points, Objective(kind="lad")).standard_errors
    assert absolute == pytest.approx(squares * np.sqrt(np.pi / 2), rel=0.3)


def test_degrees_of_freedom_are_n_minus_k_where_every_point_is_its_own_run(line: Law) -> None:
    x = np.linspace(1, 2, 30)
    points = Points.of(x, x + np.random.default_rng(0).normal(size=30))
    assert covariance_of(line, points).degrees_of_freedom == pytest.approx(28)


def test_degrees_of_freedom_are_almost_runs_minus_one_with_many_points_a_run(power_points: MakePoints) -> None:
    found = covariance_of(PowerOffset(), power_points(n_runs=8))
    assert found.degrees_of_freedom == pytest.approx(7, abs=0.25)


def test_tells_deviations_of_runs_from_noise(power_points: MakePoints) -> None:
    found = covariance_of(PowerOffset(), power_points(n_runs=80, run_deviation=0.006, noise=0.002))
    assert found.run_deviation == pytest.approx(0.006, rel=0.2)
    assert found.noise_deviation == pytest.approx(0.002, rel=0.1)
    alone = covariance_of(PowerOffset(), power_points(n_runs=80, run_deviation=0.0, noise=0.002))
    assert alone.run_deviation < 0.0005
    assert alone.noise_deviation == pytest.approx(0.002, rel=0.1)


def test_all_is_noise_where_every_point_is_its_own_run(line: Law) -> None:
    x = np.linspace(1, 2, 60)
    found = covariance_of(line, Points.of(x, x + np.random.default_rng(0).normal(size=60)))
    assert found.run_deviation == 0
    assert found.noise_deviation == pytest.approx(1.0, rel=0.2)


def test_outliers_hardly_count_with_a_robust_objective(line: Law, line_points: MakePoints) -> None:
    points = line_points(n_runs=30, run_deviation=0.0)
    y = points.y.copy()
    y[::25] += 30
    found = covariance_of(line, points.with_y(y), Objective(kind="huber"))
    assert np.hypot(found.run_deviation, found.noise_deviation) < 0.4


def test_too_few_runs_have_no_covariance(line: Law, line_points: MakePoints, power_points: MakePoints) -> None:
    assert fewest_runs(2) == 4
    assert fewest_runs(5) == 6
    assert clustered_covariance(fit_law(line, line_points(n_runs=3), OLS)) is None
    assert clustered_covariance(fit_law(PowerOffset(), power_points(n_runs=3), OLS)) is None
    assert clustered_covariance(fit_law(PowerOffset(), power_points(n_runs=4), OLS)) is not None


def test_a_parameter_that_one_run_alone_determines_has_no_covariance(line: Law) -> None:
    x = np.array([1.0, 1, 1, 1, 1, 2])
    assert clustered_covariance(fit_law(line, Points.of(x, x + np.array([0.1, -0.1, 0.2, 0, -0.2, 0])), OLS)) is None


@pytest.mark.parametrize("kind", ["ols", "huber", "lad"])
def test_cells_that_are_predicted_to_run_out_of_memory_and_did_are_no_evidence(
    kind: ObjectiveKind,
) -> None:
    """Ninety such cells would otherwise make six runs into ninety-six, and t of 4 into t of 94."""
    law, rng = law_named("memory-linear"), np.random.default_rng(0)
    x = np.array([512.0, 1024, 1536, 2048, 3072, 4096])
    y = law.predict({"c0": 2e9, "c1": 5e6}, x[:, None]) * np.exp(0.02 * rng.normal(size=6))
    far = np.linspace(4e4, 8e4, 90)
    both = Points.of(np.append(x, far), np.append(y, np.full(90, 24e9)), censored=np.arange(96) >= 6)
    alone, found = (covariance_of(law, points, Objective(kind=kind)) for points in (Points.of(x, y), both))
    assert found.n_clusters == 6
    assert found.degrees_of_freedom == pytest.approx(4)
    assert found.standard_errors == pytest.approx(alone.standard_errors, rel=0.01)


def test_three_runs_and_cells_out_of_memory_have_no_covariance_and_no_profile() -> None:
    law = law_named("memory-linear")
    x = np.array([512.0, 1024, 2048, 4e4, 5e4, 6e4])
    y = np.append(law.predict({"c0": 2e9, "c1": 5e6}, x[:3, None]) * [1.01, 0.98, 1.01], np.full(3, 24e9))
    fitted = fit_law(law, Points.of(x, y, censored=x > 3e4), OLS)
    assert clustered_covariance(fitted) is None
    assert profiles(fitted, None) == []
