"""Profiles of the objective, against lmfit and iminuit."""

from __future__ import annotations

from collections.abc import Callable

import iminuit  # type: ignore[import-untyped]
import lmfit
import numpy as np
import pytest

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.uncertainty.covariance import clustered_covariance
from ladderscope.scaling.uncertainty.evidence import Evidence
from ladderscope.scaling.uncertainty.held import HeldLaw
from ladderscope.scaling.uncertainty.profile import Profile, profiles

OLS = Objective(kind="ols")
MakePoints = Callable[..., Points]


def profiles_of(fitted: FittedLaw, confidence: float = 0.95) -> dict[str, Profile]:
    found = profiles(fitted, clustered_covariance(fitted), confidence=confidence)
    return {profile.name: profile for profile in found}


@pytest.fixture
def single_points() -> Points:
    """Thirty runs of one point, noisy enough that intervals are skewed."""
    rng = np.random.default_rng(5)
    x = np.geomspace(1e6, 1e9, 30)
    truth = PowerOffset().predict({"E": 1.7, "B": 60.0, "lambda": 0.25}, x[:, None])
    return Points.of(x, truth * np.exp(0.02 * rng.normal(size=30)))


def test_least_squares_with_one_point_a_run_give_the_f_test_intervals_of_lmfit(single_points: Points) -> None:
    law = PowerOffset()
    fitted = fit_law(law, single_points, OLS)
    names = ("e", "b", "exponent")

    def residuals(parameters: lmfit.Parameters) -> FloatArray:
        theta = np.array([parameters[name].value for name in names])
        return law.prediction(theta, single_points.x) - np.log(single_points.y)

    start = lmfit.Parameters()
    for name, value in zip(names, fitted.theta, strict=True):
        start.add(name, value=value)
    minimizer = lmfit.Minimizer(residuals, start)
    theirs = lmfit.conf_interval(minimizer, minimizer.minimize(), sigmas=[0.95])
    for name, profile in zip(names, profiles_of(fitted).values(), strict=True):
        low, middle, high = (value for _, value in theirs[name])
        assert profile.low is not None
        assert profile.high is not None
        assert profile.low - middle == pytest.approx(low - middle, rel=0.01)
        assert profile.high - middle == pytest.approx(high - middle, rel=0.01)


def test_ends_are_those_of_minos_for_a_robust_objective(single_points: Points) -> None:
    law = PowerOffset()
    fitted = fit_law(law, single_points)
    profile = profiles_of(fitted)["lambda"]

    def objective(e: float, b: float, exponent: float) -> float:
        residuals = law.prediction(np.array([e, b, exponent]), single_points.x) - np.log(single_points.y)
        return float(fitted.objective.losses(residuals).sum())

    minuit = iminuit.Minuit(objective, *fitted.theta)
    minuit.errordef = profile.threshold
    minuit.tol = 1e-3
    minuit.migrad()
    minuit.minos("exponent")
    ends = minuit.merrors["exponent"]
    assert profile.low is not None
    assert profile.high is not None
    assert profile.low - fitted.theta[2] == pytest.approx(ends.lower, rel=0.02)
    assert profile.high - fitted.theta[2] == pytest.approx(ends.upper, rel=0.02)


def test_agrees_with_the_clustered_covariance_where_the_objective_is_quadratic(
    line: Law, line_points: MakePoints
) -> None:
    fitted = fit_law(line, line_points(), OLS)
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    evidence = Evidence(fitted=fitted, confidence=0.95, covariance=covariance, profiles=profiles_of(fitted))
    for index in range(2):
        intervals = evidence.intervals(index)
        assert intervals["profile"] == pytest.approx(intervals["covariance"], rel=0.01)


def test_a_curve_rises_from_0_at_the_estimate_to_the_threshold_at_the_ends(power_points: MakePoints) -> None:
    fitted = fit_law(PowerOffset(), power_points())
    for index, profile in enumerate(profiles_of(fitted).values()):
        value, rise = np.array(profile.value), np.array(profile.rise)
        assert np.all(np.diff(value) > 0)
        assert value[rise.argmin()] == fitted.theta[index]
        assert np.interp([profile.low, profile.high], value, rise) == pytest.approx(profile.threshold, rel=0.02)
        assert rise[[0, -1]].min() > profile.threshold
        assert not profile.better


def test_an_offset_that_the_points_do_not_show_ends_at_0() -> None:
    rng = np.random.default_rng(0)
    x = np.geomspace(1e6, 1e9, 30)
    profile = profiles_of(fit_law(PowerOffset(), Points.of(x, 60 * x**-0.2 * np.exp(0.02 * rng.normal(size=30)))))
    assert profile["E"].low == 0
    assert profile["E"].high is not None
    assert 0.05 < profile["E"].high < 0.5
    assert profile["lambda"].low is not None


def test_an_exponent_of_points_that_stand_still_is_open_above() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.full(3, 1e6), np.geomspace(1e8, 1e9, 20)])
    loss = np.where(x < 1e7, 3.0, 2.0) * np.exp(0.01 * rng.normal(size=23))
    profile = profiles_of(fit_law(PowerOffset(), Points.of(x, loss)))["lambda"]
    assert profile.high is None
    assert profile.low is not None


def test_a_bound_closes_an_interval(line: Law) -> None:
    class Rising(type(line)):  # type: ignore[misc]
        parameters = (line.parameters[0], Parameter(name="b", unit="1", meaning="a slope", lower=0.0))

    x = np.linspace(1, 2, 20)
    points = Points.of(x, 1 + 0.05 * x + 0.3 * np.random.default_rng(1).normal(size=20))
    profile = profiles_of(fit_law(Rising(), points, OLS))["b"]
    assert profile.low == 0
    assert profile.high is not None
    assert profile.high > 0


def test_too_few_runs_have_no_profile(power_points: MakePoints) -> None:
    assert profiles(fit_law(PowerOffset(), power_points(n_runs=3)), None) == []


@pytest.mark.parametrize("objective", [OLS, Objective(), Objective(delta=1e-3)])
def test_every_parameter_of_chinchilla_closes_on_240_points(epoch_points: Points, objective: Objective) -> None:
    found = profiles_of(fit_law(Chinchilla(), epoch_points, objective))
    assert [name for name, profile in found.items() if profile.low is None or profile.high is None] == []
    assert not any(profile.better for profile in found.values())


def test_a_held_law_is_the_law_with_one_parameter_less() -> None:
    law, x = Chinchilla(), np.array([[1e8, 1e9], [1e9, 1e11]])
    theta = np.array([0.6, 6.0, 7.5, 0.34, 0.36])
    held = HeldLaw(law, 3, 0.34)
    rest = np.delete(theta, 3)
    assert held.names == ("E", "A", "B", "beta")
    assert held.prediction(rest, x) == pytest.approx(law.prediction(theta, x))
    assert held.jacobian(rest, x) == pytest.approx(np.delete(law.jacobian(theta, x), 3, axis=1))
