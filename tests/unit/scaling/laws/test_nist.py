"""A user's own law reaches NIST's certified parameters and standard deviations."""

from pathlib import Path

import numpy as np
import pytest

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.points import FloatArray
from tests.unit.scaling.laws.nist import read_certified

DATASETS = [
    *("Bennett5", "BoxBOD", "Chwirut1", "Chwirut2", "DanWood", "ENSO", "Eckerle4", "Gauss1", "Gauss2"),
    *("Gauss3", "Hahn1", "Kirby2", "Lanczos1", "Lanczos2", "Lanczos3", "MGH09", "MGH10", "MGH17"),
    *("Misra1a", "Misra1b", "Misra1c", "Misra1d", "Nelson", "Rat42", "Rat43", "Roszman1", "Thurber"),
]
TOO_FAR = {"MGH10", "MGH17"}
"""From the first start, a single descent ends elsewhere."""


def _digits(found: FloatArray, certified: FloatArray) -> float:
    return float(-np.log10(np.maximum(np.abs(found / certified - 1), 1e-16)).min())


def _deviations(fitted: FittedLaw) -> FloatArray:
    """sqrt(diag(s^2 (J'J)^-1)), by the QR factors of J with columns of length one."""
    jacobian, residuals = fitted.jacobian, fitted.residuals
    n, k = jacobian.shape
    length = np.linalg.norm(jacobian, axis=0)
    inverse = np.linalg.inv(np.linalg.qr(jacobian / length, mode="r"))
    return np.asarray(np.sqrt((inverse**2).sum(axis=1) * (residuals @ residuals) / (n - k)) / length)


@pytest.mark.parametrize("name", DATASETS)
def test_the_second_start_leads_to_the_certified_digits(scaling_data: Path, name: str) -> None:
    problem = read_certified(scaling_data / "NIST-StRD" / f"{name}.dat")
    fitted = fit_law(problem.law, problem.points, Objective(kind="ols"), near=problem.starts[1])
    assert _digits(fitted.theta, problem.values) >= 9
    extended = np.finfo(np.longdouble).eps < 1e-18
    wanted = 9.0 if name != "Lanczos1" else 6.0 if extended else 2.5
    assert _digits(_deviations(fitted), problem.deviations) >= wanted


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in TOO_FAR])
def test_the_first_start_leads_there_too_but_for_two(scaling_data: Path, name: str) -> None:
    problem = read_certified(scaling_data / "NIST-StRD" / f"{name}.dat")
    fitted = fit_law(problem.law, problem.points, Objective(kind="ols"), near=problem.starts[0])
    assert _digits(fitted.theta, problem.values) >= 8
