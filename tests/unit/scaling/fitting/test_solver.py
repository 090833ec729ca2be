"""Descents end at optima: of each objective, at bounds, and next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares, linprog, minimize

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.fitting.solver import descend
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.custom import CustomLaw
from ladderscope.scaling.points import FloatArray, Points

LAW = law_named("power-offset")


def _noisy(scale: float = 0.02, n: int = 25, seed: int = 0) -> Points:
    x = np.geomspace(1e2, 1e6, n)
    noise = np.random.default_rng(seed).standard_t(3, size=n)
    return Points.of(x, (1.5 + 20 * x**-0.4) * np.exp(scale * noise))


@pytest.mark.parametrize("delta", [1e-3, 1e-2, 1e-1])
def test_huber_is_at_least_as_low_as_scipys_trust_region(delta: float) -> None:
    points = _noisy()
    fitted = fit_law(LAW, points, Objective(delta=delta))

    def residuals(theta: FloatArray) -> FloatArray:
        return LAW.prediction(theta, points.x) - np.log(points.y)

    def jacobian(theta: FloatArray) -> FloatArray:
        return LAW.jacobian(theta, points.x)

    other = least_squares(
        residuals,
        fitted.theta * 1.01,
        jacobian,
        loss="huber",
        f_scale=delta,
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    assert fitted.value <= other.cost * (1 + 1e-10)
    np.testing.assert_allclose(fitted.theta, other.x, rtol=1e-4)


def test_weights_count_points_as_often_as_they_say() -> None:
    points = _noisy(n=12)
    repeats = np.array([1, 3, 1, 1, 2, 1, 1, 1, 4, 1, 1, 1])
    weighted = Points.of(points.x, points.y, weights=repeats.astype(float))
    repeated = Points.of(np.repeat(points.x, repeats, axis=0), np.repeat(points.y, repeats))
    for objective in (Objective(delta=1e-3), Objective(kind="ols"), Objective(kind="lad")):
        once, often = fit_law(LAW, weighted, objective), fit_law(LAW, repeated, objective)
        assert once.value == pytest.approx(often.value, rel=1e-10)
        np.testing.assert_allclose(once.theta, often.theta, rtol=1e-6)


def test_least_absolute_deviations_of_a_line_are_those_of_one_linear_programme() -> None:
    x = np.geomspace(1, 1e4, 15)
    y = 3 * x**-0.2 * np.exp(np.random.default_rng(1).standard_t(2, size=15) * 0.1)
    design = np.stack([np.ones(15), -np.log(x)], axis=1)
    exact = linprog(
        np.concatenate([np.zeros(2), np.ones(30)]),
        A_eq=np.hstack([design, np.eye(15), -np.eye(15)]),
        b_eq=np.log(y),
        bounds=[(None, None)] * 2 + [(0, None)] * 30,
    )
    assert exact.x is not None
    fitted = fit_law(law_named("power"), Points.of(x, y), Objective(kind="lad"))
    assert fitted.value == pytest.approx(exact.fun, rel=1e-12)
    np.testing.assert_allclose(fitted.theta, exact.x[:2], rtol=1e-9)


def test_a_floor_that_the_points_do_not_show_is_exactly_zero() -> None:
    x = np.geomspace(1e2, 1e6, 20)
    bent_down = 20 * x**-0.2 * np.exp(-0.004 * np.log(x) ** 2)
    for objective in (Objective(), Objective(kind="ols"), Objective(kind="lad")):
        fitted = fit_law(LAW, Points.of(x, bent_down), objective)
        assert fitted.values["E"] == 0.0
        assert fitted.agreement == 1


@pytest.mark.parametrize(
    "bounds", [((0.5, 2.0), (-1.0, 1.0)), ((-np.inf, 0.2), (0.3, np.inf)), ((0.0, 0.1), (0.0, 0.1))]
)
def test_bounds_in_any_number_hold_as_in_a_quasi_newton_method(bounds: tuple[tuple[float, float], ...]) -> None:
    x, rng = np.linspace(0, 3, 20), np.random.default_rng(2)
    y = 0.7 + 0.9 * x + np.exp(-0.8 * x) + rng.normal(scale=0.05, size=20)

    def function(x: FloatArray, level: float, slope: float, rate: float) -> FloatArray:
        return level + slope * x + np.exp(-rate * x)

    ends = {"level": bounds[0], "slope": bounds[1]}
    start = {"level": float(np.mean(np.clip(bounds[0], -1, 1))), "slope": float(np.mean(np.clip(bounds[1], -1, 1)))}
    law = CustomLaw(function, bounds=ends, start={**start, "rate": 1.0})
    fitted = fit_law(law, Points.of(x, y), Objective(kind="ols"))

    def half_squares(p: FloatArray) -> float:
        return float(0.5 * np.sum((function(x, *p) - y) ** 2))

    other = minimize(
        half_squares,
        fitted.theta * 0.98,
        method="L-BFGS-B",
        bounds=[*bounds, (-np.inf, np.inf)],
        options={"ftol": 1e-15, "gtol": 1e-10},
    )
    assert fitted.value <= other.fun * (1 + 1e-8)
    np.testing.assert_allclose(fitted.theta, other.x, atol=1e-4)
    for name, (low, high) in ends.items():
        assert low <= fitted.values[name] <= high


def test_a_descent_ends_where_it_is_if_that_is_the_optimum() -> None:
    points = _noisy()
    fitted = fit_law(LAW, points, Objective(kind="ols"))
    problem = Problem.of(LAW, points)
    phi = problem.matrix @ fitted.theta
    np.testing.assert_allclose(descend(problem, phi, Objective(kind="ols"), tolerance=1e-8, limit=50), phi, rtol=1e-8)


def test_points_fewer_than_parameters_do_not_stop_a_fit() -> None:
    fitted = fit_law(
        law_named("chinchilla"), Points.of(np.array([[1e7, 1e9], [1e8, 1e9], [1e8, 1e10]]), [3.5, 3.1, 2.9])
    )
    assert np.isfinite(fitted.theta).all()
    assert fitted.value == pytest.approx(0.0, abs=1e-9)


def test_one_value_of_x_does_not_stop_a_fit() -> None:
    fitted = fit_law(LAW, Points.of([1e5, 1e5, 1e5], [2.0, 2.1, 2.2]))
    assert float(np.exp(fitted.law.prediction(fitted.theta, np.array([[1e5]]))[0])) == pytest.approx(2.1, rel=0.01)
