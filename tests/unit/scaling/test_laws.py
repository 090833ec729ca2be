from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime, curve_fit

from ladderscope.scaling import AffineLaw, FitSettings, PowerLaw
from ladderscope.scaling.laws.power import _CentredForm

SETTINGS = FitSettings()
COMPUTE = np.geomspace(1e11, 1e15, 40)
TRUE = {"E": 1.1, "B": 400.0, "lambda": 0.21}


def test_power_law_recovers_the_parameters_that_made_the_points() -> None:
    solution = PowerLaw().fit(COMPUTE, PowerLaw().predict(COMPUTE, TRUE), SETTINGS)

    assert solution.values == pytest.approx(TRUE, rel=1e-5)
    assert solution.start_agreement == 1.0
    assert solution.warnings == []


def test_power_law_agrees_with_plain_curve_fit_on_clean_data() -> None:
    x = np.geomspace(1, 1000, 30)
    y = 1.5 + 2.0 * x**-0.5
    plain, _ = curve_fit(lambda x, e, b, k: e + b * x**-k, x, y, p0=(1.0, 1.0, 0.3))

    values = PowerLaw().fit(x, y, SETTINGS).values

    assert [values["E"], values["B"], values["lambda"]] == pytest.approx(list(plain), rel=1e-4)


def test_power_law_is_not_moved_by_one_wild_point() -> None:
    y = PowerLaw().predict(COMPUTE, TRUE)
    y[7] *= 3

    assert PowerLaw().fit(COMPUTE, y, SETTINGS).values["lambda"] == pytest.approx(0.21, rel=0.01)


def test_power_law_jacobian_is_the_derivative_of_its_residuals() -> None:
    y = PowerLaw().predict(COMPUTE, TRUE)
    problem = _CentredForm.around(COMPUTE, y).problem(COMPUTE, y)
    theta = np.array([0.1, -0.7, 0.4])

    numeric = approx_fprime(theta, problem.residuals)

    assert problem.jacobian(theta) == pytest.approx(numeric, abs=1e-6)


def test_power_law_says_when_the_points_show_no_floor() -> None:
    y = 5.0 * COMPUTE**-0.05

    assert any("E is at its lower bound" in warning for warning in PowerLaw().fit(COMPUTE, y, SETTINGS).warnings)


def test_power_law_says_when_noise_hides_the_exponent() -> None:
    x = np.linspace(1, 1.3, 12)
    y = (1.0 + 0.1 / x) * np.exp(np.random.default_rng(3).normal(0, 0.1, 12))

    assert any("not identified" in warning for warning in PowerLaw().fit(x, y, SETTINGS).warnings)


def test_affine_law_recovers_fixed_bytes_and_bytes_per_token() -> None:
    lengths = np.array([128.0, 256.0, 512.0, 1024.0])

    values = AffineLaw().fit(lengths, 3e8 + 1.5e6 * lengths, SETTINGS).values

    assert values == pytest.approx({"c0": 3e8, "c1": 1.5e6})


def test_affine_law_keeps_the_fixed_part_from_turning_negative() -> None:
    lengths = np.array([128.0, 256.0, 512.0])
    solution = AffineLaw().fit(lengths, lengths**1.5 * 1e5, SETTINGS)

    assert solution.values["c0"] == 0
    assert solution.warnings == ["c0 is at its lower bound 0"]
