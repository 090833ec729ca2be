"""A fit as plain data: parameters with intervals, warnings, bands, and reasons where there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.points import Points
from ladderscope.scaling.results.law_fit import LawFit
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group
from ladderscope.scaling.text import is_relative
from ladderscope.scaling.uncertainty.bands import interval_at
from ladderscope.scaling.uncertainty.covariance import clustered_covariance
from ladderscope.scaling.uncertainty.describe import describe
from ladderscope.scaling.uncertainty.estimates import _disagreement
from ladderscope.scaling.uncertainty.reloaded import predict

MakePoints = Callable[..., Points]
LOSS = AxisInfo(name="loss", label="loss", unit="nats")
COMPUTE = AxisInfo(name="C", label="compute", unit="FLOP")
SIZE, DATA = AxisInfo(name="N", label="size", unit="parameter"), AxisInfo(name="D", label="data", unit="token")
QUICK = FitSettings(resamples=60)
NO_RESAMPLES = FitSettings(resamples=0)
POWER = law_named("power-offset")


def group_of(points: Points) -> Group:
    return Group("lora", points, [f"run {i}" for i in range(points.n_runs)], [{}] * points.n_runs)


def fit_of(points: Points, settings: FitSettings = NO_RESAMPLES, law: Law = POWER) -> LawFit:
    return describe(law, group_of(points), [COMPUTE], settings, LOSS)[0]


def losses(x: np.ndarray, slope: float = 0.25, offset: float = 1.7, noise: float = 0.01) -> Points:
    rng = np.random.default_rng(0)
    y = (offset + 60 * x**-slope) * np.exp(noise * rng.normal(size=len(x)))
    return Points.of(x, y)


def test_every_method_gives_an_interval_and_the_covariance_is_quoted(power_points: MakePoints) -> None:
    fit = fit_of(power_points(n_runs=10), QUICK)
    exponent = fit.parameters["lambda"]
    assert set(exponent.intervals) == {"covariance", "profile", "bootstrap", "wild"}
    assert exponent.interval_method == "covariance"
    assert exponent.interval == exponent.intervals["covariance"]
    assert exponent.interval is not None
    assert exponent.interval[0] < 0.25 < exponent.interval[1]
    assert exponent.standard_error is not None
    assert exponent.reason is None
    assert fit.reason is None
    assert fit.failed_resamples == 0


def test_intervals_of_logarithmic_parameters_are_positive_and_wider_above(power_points: MakePoints) -> None:
    coefficient = fit_of(power_points(n_runs=10)).parameters["B"]
    assert coefficient.interval is not None
    low, high = coefficient.interval
    assert 0 < low < coefficient.value < high
    assert high - coefficient.value > coefficient.value - low
    assert coefficient.unit == "nats x (FLOP)^lambda"


def test_points_residuals_and_closeness_belong_together(power_points: MakePoints) -> None:
    points = power_points()
    fit = fit_of(points)
    assert fit.points is not None
    residual = np.log(np.array(fit.points.predicted) / np.array(fit.points.y))
    assert residual == pytest.approx(fit.points.residual)
    assert fit.rmsd == pytest.approx(np.sqrt(np.mean(residual**2)))
    assert fit.r2 == pytest.approx(1 - np.mean(residual**2) / np.log(points.y).var())
    assert fit.points.run[:11] == ["run 0"] * 10 + ["run 1"]
    assert fit.x_ranges["C"] == pytest.approx((1e7, 1e9))


def test_bands_hold_the_curve(power_points: MakePoints) -> None:
    fit = fit_of(power_points())
    assert fit.mean_band is not None
    assert fit.new_run_band is not None
    low, y, high = (np.array(values) for values in (fit.mean_band.low, fit.mean_band.y, fit.mean_band.high))
    assert np.all((low < y) & (y < high))
    assert np.all(np.array(fit.new_run_band.low) < low)
    assert [fit.mean_band.x[0], fit.mean_band.x[-1]] == pytest.approx([1e7, 1e9])


def test_a_stored_fit_predicts_as_the_fit_did(power_points: MakePoints) -> None:
    fit, fitted = describe(POWER, group_of(power_points()), [COMPUTE], NO_RESAMPLES, LOSS)
    assert fitted is not None
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    at = np.array([[1e6], [1e8], [1e11]])
    for kind in ("mean", "new-run"):
        assert np.array(predict(fit, at, kind=kind)) == pytest.approx(
            np.array(interval_at(fitted, covariance, at, kind=kind))
        )
    assert predict(fit, at[:, 0])[0] == pytest.approx(predict(fit, at)[0])


def test_a_stored_fit_of_a_users_law_needs_the_law(line: Law, line_points: MakePoints) -> None:
    fit = fit_of(line_points(), law=line)
    with pytest.raises(UnknownNameError):
        predict(fit, np.array([1.0]))
    assert predict(fit, np.array([1.0]), law=line)[0] == pytest.approx(
        fit.parameters["a"].value + fit.parameters["b"].value
    )


def test_a_stored_fit_without_parameters_predicts_nothing() -> None:
    with pytest.raises(UsageError, match="predicts nothing: too few points"):
        predict(fit_of(losses(np.array([1e7, 1e8]))), np.array([1e9]))


def test_an_offset_that_the_points_do_not_show_is_said_to_be_possibly_0() -> None:
    offset = fit_of(losses(np.geomspace(1e6, 1e9, 30), slope=0.2, offset=0.0)).parameters["E"]
    assert offset.warnings[0] == "E cannot be told from 0"
    assert offset.interval is not None
    assert offset.interval[0] == 0


def test_an_exponent_that_nothing_bounds_has_no_interval_to_quote() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.full(3, 1e6), np.geomspace(1e8, 1e9, 20)])
    points = Points.of(x, np.where(x < 1e7, 3.0, 2.0) * np.exp(0.01 * rng.normal(size=23)))
    fit = fit_of(points)
    exponent = fit.parameters["lambda"]
    assert exponent.interval is None
    assert exponent.reason is not None
    assert exponent.reason.startswith("not identified above")
    assert fit.certificate is not None
    assert "lambda" in fit.certificate.not_identified


def test_methods_that_disagree_are_named(line: Law) -> None:
    """Only points at the ends are noisy: profiles of least squares take the noise to be the same everywhere."""
    rng = np.random.default_rng(2)
    x = np.concatenate([np.full(4, 1.0), np.full(4, 3.0), np.linspace(1.99, 2.01, 52)])
    y = x + np.where(abs(x - 2) > 0.5, 1.0, 0.01) * rng.normal(size=60)
    fit = fit_of(Points.of(x, y), replace(NO_RESAMPLES, objective=Objective(kind="ols")), line)
    (warning,) = fit.parameters["b"].warnings
    assert warning.startswith("intervals of b disagree: ")
    assert " by covariance, " in warning
    assert warning.endswith(" by profile")


def test_three_runs_are_fitted_but_have_no_interval(power_points: MakePoints) -> None:
    fit = fit_of(power_points(n_runs=3), QUICK)
    exponent = fit.parameters["lambda"]
    assert exponent.value == pytest.approx(0.25, rel=0.2)
    assert exponent.interval is None
    assert exponent.reason == "too few runs (3) to tell how runs vary; at least 4 are needed for an interval"
    assert fit.uncertainty is None
    assert fit.mean_band is not None
    assert fit.mean_band.low == []
    assert np.all(np.isnan(predict(fit, np.array([1e8]))[1]))


def test_a_parameter_at_its_bound_says_so_instead_of_blaming_the_runs() -> None:
    bend = np.exp(-0.004 * np.log(np.geomspace(1e2, 1e6, 24)) ** 2)
    points = losses(np.geomspace(1e2, 1e6, 24), slope=0.2, offset=0.0, noise=0.001)
    fit = fit_of(points.with_y(points.y * bend), replace(NO_RESAMPLES, profiles=False))
    assert fit.parameters["E"].value == 0
    assert fit.parameters["E"].interval is None
    assert fit.parameters["E"].reason == "E is held at its bound 0"
    assert fit.parameters["lambda"].interval is not None


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (losses(np.array([1e7, 1e8, 1e9])), "too few points (3) for 3 parameters; at least 4 are needed"),
        (losses(np.full(9, 1e7)), "all points have the same C (1e+07), so how y depends on C cannot be told"),
        (losses(np.repeat([1e7, 1e8], 5)), "too few different C (2) for 3 parameters; at least 3 are needed"),
        (losses(np.geomspace(1e6, 1e9, 9), slope=-0.1), "y did not fall as C grew"),
    ],
)
def test_what_cannot_be_fitted_says_why(points: Points, reason: str) -> None:
    fit, fitted = describe(POWER, group_of(points), [COMPUTE], NO_RESAMPLES, LOSS)
    assert fit.reason is not None
    assert fit.reason.startswith(reason)
    assert fit.parameters == {}
    assert fitted is None
    assert fit.n_points == len(points)


def test_a_fit_knows_the_scale_of_its_residuals_even_where_they_do_not_show_it(line: Law) -> None:
    x = np.linspace(1, 10, 12)
    exact = Points.of(x, 2 + 0.7 * x)
    assert fit_of(exact, law=line).scale == "linear"
    assert not is_relative(fit_of(exact, law=line))
    assert is_relative(fit_of(losses(np.array([1e7, 1e8]))))


def test_few_points_are_worth_a_warning() -> None:
    assert fit_of(losses(np.geomspace(1e6, 1e9, 8))).warnings[0] == "only 8 points for 3 parameters"


def test_two_predictors_are_drawn_along_the_first_at_the_middle_of_the_second(epoch_points: Points) -> None:
    law = law_named("chinchilla")
    fit, fitted = describe(law, group_of(epoch_points), [SIZE, DATA], NO_RESAMPLES, LOSS)
    assert fitted is not None
    assert fit.mean_band is not None
    middle = np.exp(np.log(epoch_points.x[:, 1]).mean())
    at = np.stack([fit.mean_band.x, np.full(len(fit.mean_band.x), middle)], axis=1)
    assert fit.mean_band.y == pytest.approx(law.predict(fitted.values, at))
    assert fit.parameters["A"].unit == "nats x (parameter)^alpha"
    assert set(fit.profiles) == set(law.names)


@pytest.mark.parametrize(("lower", "upper"), [(0.9, np.inf), (-np.inf, 1.9)])
def test_intervals_that_a_bound_cuts_off_do_not_disagree(lower: float, upper: float) -> None:
    intervals = {"covariance": (0.2, 3.5), "profile": (0.9, 1.9)}
    assert _disagreement(Parameter(name="b", unit="", meaning=""), intervals)
    assert _disagreement(Parameter(name="b", unit="", meaning="", lower=lower, upper=upper), intervals) == []
