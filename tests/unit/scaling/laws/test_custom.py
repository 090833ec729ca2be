"""A user's own law: from a function of predictors and parameters."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.fitting.certificate import certify
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective, ObjectiveKind
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.custom import CustomLaw, load_law
from ladderscope.scaling.laws.signature import AXES
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.reading.roles import PREDICTORS
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group
from ladderscope.scaling.uncertainty.describe import describe

OLS = Objective(kind="ols")


def saturating(x: Any, top: Any, rate: Any) -> Any:
    return top * (1 - np.exp(-rate * x))


def _saturating_points() -> Points:
    x = np.linspace(0.5, 8, 12)
    return Points.of(x, saturating(x, 5.0, 0.4))


def test_the_names_of_arguments_are_those_of_parameters() -> None:
    law = CustomLaw(saturating)
    assert law.predictors == ("x",)
    assert law.names == ("top", "rate")
    assert law.formula == "saturating(x, top, rate)"


def test_it_needs_no_start() -> None:
    assert fit_law(CustomLaw(saturating), _saturating_points(), OLS).values == pytest.approx({"top": 5.0, "rate": 0.4})


def test_defaults_of_arguments_are_starts() -> None:
    def line(x: Any, slope: Any = 2.0, level: Any = -1.0) -> Any:
        return level + slope * x

    law = CustomLaw(line)
    first = law.starts(np.ones((3, 1)), np.ones(3), 4, np.random.default_rng(0))[0]
    assert first.tolist() == [2.0, -1.0]


def test_leading_arguments_called_like_axes_are_predictors() -> None:
    law = CustomLaw(lambda N, D, a, b: a * N + b * D)
    assert law.predictors == ("N", "D")
    assert law.predict({"a": 2.0, "b": 3.0}, np.array([[1.0, 10.0]])).tolist() == [32.0]


def test_every_predictor_of_a_table_is_one_of_a_law() -> None:
    assert set(AXES) == set(PREDICTORS)
    assert CustomLaw(lambda T, a, b: a * T**-b).predictors == ("T",)


def test_parameters_may_come_as_one_array() -> None:
    law = CustomLaw(
        lambda x, p: p[0] * (1 - np.exp(-p[1] * x)), parameters=["top", "rate"], start={"top": 1, "rate": 1}
    )
    assert fit_law(law, _saturating_points(), OLS).values == pytest.approx({"top": 5.0, "rate": 0.4})


def test_complex_steps_give_all_digits_of_derivatives() -> None:
    law, x = CustomLaw(saturating), np.linspace(0.5, 8, 12)[:, None]
    exact = np.stack([1 - np.exp(-0.4 * x[:, 0]), 5 * x[:, 0] * np.exp(-0.4 * x[:, 0])], axis=1)
    np.testing.assert_allclose(law.jacobian(np.array([5.0, 0.4]), x), exact, rtol=1e-14)


def test_functions_that_refuse_complex_numbers_are_differentiated_by_differences() -> None:
    def halting(x: Any, top: Any, rate: Any) -> Any:
        return np.array([top * (1 - math.exp(-rate * one)) for one in x])

    law, x = CustomLaw(halting), np.linspace(0.5, 8, 12)[:, None]
    exact = CustomLaw(saturating).jacobian(np.array([5.0, 0.4]), x)
    np.testing.assert_allclose(law.jacobian(np.array([5.0, 0.4]), x), exact, rtol=1e-9)


def test_functions_that_lose_the_imaginary_part_are_differentiated_by_differences() -> None:
    law = CustomLaw(lambda x, a: np.abs(a) * x + 0 * a)
    np.testing.assert_allclose(law.jacobian(np.array([-2.0]), np.array([[1.0], [3.0]]))[:, 0], [-1.0, -3.0], rtol=1e-9)


def test_a_given_jacobian_is_used_on_every_scale() -> None:
    def power(x: Any, b: Any, k: Any) -> Any:
        return b * x**-k

    def slopes(x: Any, b: Any, k: Any) -> Any:
        return np.stack([x**-k, -b * np.log(x) * x**-k], axis=1)

    x, theta = np.array([[2.0], [5.0]]), np.array([np.log(3.0), 0.5])
    given = CustomLaw(power, jacobian=slopes, positive=["b"], scale="log").jacobian(theta, x)
    np.testing.assert_allclose(given, CustomLaw(power, positive=["b"], scale="log").jacobian(theta, x), rtol=1e-12)
    np.testing.assert_allclose(given, law_named("power").jacobian(theta, x), rtol=1e-12)


def test_a_bound_is_reached_exactly() -> None:
    points = Points.of([1.0, 2.0, 3.0, 4.0], [0.9, 2.0, 3.1, 4.3])
    law = CustomLaw(lambda x, level, slope: level + slope * x, bounds={"level": (0.0, np.inf)})
    fitted = fit_law(law, points, OLS)
    assert fitted.values["level"] == 0.0
    assert fitted.values["slope"] == pytest.approx(float(points.x[:, 0] @ points.y / (points.x**2).sum()))


def _bounded_power(lower: float, upper: float) -> CustomLaw:
    return CustomLaw(
        lambda x, b, k: b * x**-k, positive=["b", "k"], bounds={"k": (lower, upper)}, scale="log", slope="k"
    )


@pytest.mark.parametrize("kind", ["ols", "huber", "lad"])
@pytest.mark.parametrize(("bounds", "end"), [((0.1, 0.3), 0.3), ((0.7, np.inf), 0.7)])
def test_bounds_of_positive_parameters_hold(kind: ObjectiveKind, bounds: tuple[float, float], end: float) -> None:
    x = np.geomspace(1, 1e3, 12)
    points = Points.of(x, 5 * x**-0.5 * np.exp(np.random.default_rng(0).normal(scale=0.01, size=12)))
    fitted = fit_law(_bounded_power(*bounds), points, Objective(kind=kind))
    found = certify(fitted)
    assert fitted.values["k"] == pytest.approx(end)
    assert found.at_bound == ["k"]
    side = "upper" if end == bounds[1] else "lower"
    assert any(finding.startswith(f"k is at its {side} bound {end:g}") for finding in found.findings)


def test_intervals_of_positive_parameters_end_at_their_bounds() -> None:
    x = np.geomspace(1, 1e3, 12)
    points = Points.of(x, 5 * x**-0.5 * np.exp(np.random.default_rng(0).normal(scale=0.1, size=12)))
    group = Group("all", points, [str(i) for i in range(12)], [{}] * 12)
    axes = [AxisInfo(name=name, label=name, unit="") for name in ("x", "y")]
    fit = describe(_bounded_power(0.49, 0.51), group, axes[:1], FitSettings(resamples=60), axes[1])[0]
    for low, high in fit.parameters["k"].intervals.values():
        assert low >= 0.49 - 1e-12
        assert high <= 0.51 + 1e-12


def test_a_positive_parameter_whose_bounds_are_below_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="b is to be positive, and its bounds leave nothing above 0"):
        CustomLaw(lambda x, b: b * x, positive=["b"], bounds={"b": (-2.0, -1.0)})


def test_huber_takes_its_delta_from_residuals_of_any_unit() -> None:
    x = np.linspace(1, 20, 40)
    y = 1e9 * (3 + 2 * x) + np.random.default_rng(0).normal(scale=1e7, size=40)
    y[7] *= 3
    fitted = fit_law(CustomLaw(lambda x, level, slope: level + slope * x), Points.of(x, y))
    assert fitted.values == pytest.approx({"level": 3e9, "slope": 2e9}, rel=0.01)
    assert 5e6 < fitted.objective.known_delta < 3e7


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (lambda x: x, {}, "has no parameters"),
        (lambda x, *b: x, {}, "must name each of its parameters"),
        (saturating, {"parameters": ["a", "b", "c"]}, "takes the parameters top, rate, but a, b, c are named"),
        (saturating, {"bounds": {"rate": (2.0, 1.0)}}, "leave nothing"),
    ],
)
def test_what_cannot_be_a_law_is_refused_in_a_sentence(function: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CustomLaw(function, **options)


def test_a_start_for_a_parameter_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'rate'"):
        CustomLaw(saturating, start={"rates": 1.0})


def test_values_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(UsageError, match=r"shape \(2,\) for 12 points"):
        fit_law(CustomLaw(lambda x, a: np.array([a, a])), _saturating_points(), OLS)


def test_one_value_for_all_points_is_refused() -> None:
    with pytest.raises(UsageError, match=r"gives one value for all of 12 points; .* such as a \+ 0 \* x"):
        fit_law(CustomLaw(lambda x, a: a), _saturating_points(), OLS)


def test_a_law_that_raises_is_named_with_the_place() -> None:
    def boom(x: Any, a: Any, b: Any = 2.0) -> Any:
        raise RuntimeError("boom")

    with pytest.raises(UsageError, match=r"^boom failed at a=3, b=2: RuntimeError: boom$"):
        fit_law(CustomLaw(boom, start={"a": 3.0}), _saturating_points(), OLS)


def test_a_law_that_raises_in_part_of_its_space_is_named_with_the_place() -> None:
    def halves(x: Any, a: Any) -> Any:
        if np.real(a) < 0:
            raise ValueError("a is negative")
        return a * x

    with pytest.raises(UsageError, match=r"halves failed at a=-\S+: ValueError: a is negative"):
        fit_law(CustomLaw(halves), _saturating_points(), OLS)


def test_a_function_without_a_name_has_that_of_its_law() -> None:
    assert CustomLaw(lambda x, a: a * x, name="mine").formula == "mine(x, a)"
    assert CustomLaw(lambda x, a: a * x).title == "custom law"


def test_a_law_that_is_nowhere_finite_is_refused() -> None:
    with pytest.raises(UsageError, match="no start gives finite values"):
        fit_law(CustomLaw(lambda x, a: a * x * np.nan), _saturating_points(), OLS)


class TestLoading:
    """``--law file.py:name`` and ``--law package.module:name``."""

    def test_a_function_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.py"
        path.write_text("def flat(x, level):\n    return level + 0 * x\n", encoding="utf-8")
        law = load_law(f"{path}:flat")
        assert law.name == f"{path}:flat"
        assert fit_law(law, _flat_points(), OLS).values == pytest.approx({"level": 2.0})

    def test_a_law_in_a_module(self) -> None:
        assert load_law("ladderscope.scaling.laws.power:Power").name == "power"

    def test_a_law_with_bounds_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.py"
        path.write_text(
            "from ladderscope.scaling.laws.custom import CustomLaw\n"
            "law = CustomLaw(lambda x, a: a * x, positive=['a'], scale='log')\n",
            encoding="utf-8",
        )
        assert load_law(f"{path}:law").parameters[0].log

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            ("mine", "names no law"),
            ("nowhere.py:law", "there is no file nowhere.py"),
            ("no_such_package.laws:law", "cannot be imported: ModuleNotFoundError"),
            ("ladderscope.scaling.laws.power:Powr", "did you mean 'Power'"),
            ("ladderscope.scaling.laws.custom:CustomLaw", r"needs arguments: name a law made by it"),
            ("ladderscope.scaling.laws.base:Law", "needs arguments"),
            ("pathlib:Path", "pathlib:Path is a class, neither a law nor a function"),
            ("ladderscope.scaling.laws:LAWS", "is dict, neither a law nor a function"),
        ],
    )
    def test_what_is_no_law_is_said_in_a_sentence(self, reference: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            load_law(reference)

    def test_a_file_with_an_error_names_it(self, tmp_path: Path) -> None:
        path = tmp_path / "broken.py"
        path.write_text("def law(x, a:\n", encoding="utf-8")
        with pytest.raises(UsageError, match=r"broken.py cannot be imported: SyntaxError"):
            load_law(f"{path}:law")


def _flat_points() -> Points:
    y: FloatArray = np.full(4, 2.0)
    return Points.of([1.0, 2.0, 3.0, 4.0], y)
