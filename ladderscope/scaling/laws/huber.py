"""Huber loss on log residuals, minimised from several starts with an analytic Jacobian.

The objective is the sum over points of Huber_delta(log prediction - log y), as in Hoffmann et al. 2022
(arXiv:2203.15556); SciPy's ``huber`` loss with ``f_scale=delta`` is exactly that. The procedure differs: a
centred parametrisation with an exact Jacobian reaches the optimum from nearly any start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, least_squares

from ladderscope.scaling.laws.base import FloatArray

AGREEMENT_TOLERANCE = 1e-4
"""Two starts agree when their objectives differ by less than this share."""


@dataclass(frozen=True, slots=True)
class LogProblem:
    """Residuals in log y and their Jacobian, as functions of the vector that the optimiser moves."""

    residuals: Callable[[FloatArray], FloatArray]
    jacobian: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best end point of all starts, its objective, and the share of starts that reached it."""

    theta: FloatArray
    objective_value: float
    agreement: float


def minimise(problem: LogProblem, starts: Sequence[FloatArray], delta: float) -> Optimum:
    """The best optimum from ``starts``."""
    ends = [_descend(problem, start, delta, tolerance=1e-10, max_evaluations=1000) for start in starts]
    best = min(ends, key=lambda end: float(end.cost))
    agreeing = [end for end in ends if end.cost <= best.cost * (1 + AGREEMENT_TOLERANCE) + 1e-15]
    return Optimum(np.asarray(best.x), float(best.cost), len(agreeing) / len(ends))


def refine(problem: LogProblem, start: FloatArray, delta: float) -> Optimum:
    """A quick optimum from one start: a wide Huber zone first, so that the start need not be close."""
    wide = _descend(problem, start, 10 * delta, tolerance=1e-4, max_evaluations=100)
    end = _descend(problem, np.asarray(wide.x), delta, tolerance=1e-4, max_evaluations=100)
    return Optimum(np.asarray(end.x), float(end.cost), 1.0)


def condition_number(jacobian: FloatArray) -> float:
    """Condition number of J'J after its columns are scaled to length one; infinite for an idle parameter."""
    lengths = np.linalg.norm(jacobian, axis=0)
    if not np.all(lengths > 0):
        return float("inf")
    return float(np.linalg.cond(jacobian / lengths) ** 2)


def standard_errors(jacobian: FloatArray, residuals: FloatArray) -> FloatArray:
    """Rough standard errors that treat points as independent; good enough to flag, too small to report."""
    spread = 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))
    covariance = spread**2 * np.linalg.pinv(jacobian.T @ jacobian)
    return np.asarray(np.sqrt(np.clip(np.diag(covariance), 0, None)), dtype=np.float64)


def _descend(
    problem: LogProblem, start: FloatArray, delta: float, *, tolerance: float, max_evaluations: int
) -> OptimizeResult:
    return least_squares(
        problem.residuals,
        start,
        problem.jacobian,
        loss="huber",
        f_scale=delta,
        x_scale="jac",
        ftol=tolerance,
        xtol=tolerance,
        gtol=tolerance,
        max_nfev=max_evaluations,
    )
