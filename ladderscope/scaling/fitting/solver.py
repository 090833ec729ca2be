"""Descents: from a start to an optimum of one objective, with SciPy's trust region and the law's own Jacobian.

The field fits these laws with thousands of starts of a quasi-Newton method on finite differences. In centred parameters
(:meth:`Law.centring`) with an exact Jacobian, one start reaches the same optimum or a better one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ladderscope.scaling.fitting.objective import FIRST_DELTA, Objective
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points

WIDE = Objective(kind="huber", delta=10 * FIRST_DELTA)


@dataclass(frozen=True, slots=True)
class Problem:
    """Residuals of a law at points, as functions of the centred parameters ``phi`` that the optimiser moves."""

    law: Law
    points: Points
    response: FloatArray
    matrix: FloatArray
    inverse: FloatArray

    @classmethod
    def of(cls, law: Law, points: Points) -> Problem:
        """The problem of fitting ``law`` to ``points``."""
        matrix = law.centring(points.x)
        return cls(law, points, law.to_scale(points.y), matrix, np.linalg.inv(matrix))

    def residuals(self, phi: FloatArray) -> FloatArray:
        """Prediction minus response on the law's scale, shape (n,); a censored point counts only from below."""
        found = self.law.prediction(self.inverse @ phi, self.points.x) - self.response
        return np.where(self.points.censored & (found > 0), 0.0, found) if self.points.censored.any() else found

    def jacobian(self, phi: FloatArray) -> FloatArray:
        """Derivatives of :meth:`residuals` by ``phi``, shape (n, k)."""
        theta = self.inverse @ phi
        found = self.law.jacobian(theta, self.points.x) @ self.inverse
        if self.points.censored.any():
            idle = self.points.censored & (self.law.prediction(theta, self.points.x) > self.response)
            found = np.where(idle[:, None], 0.0, found)
        return found

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds of ``phi``, shape (k,) each."""
        parameters = self.law.parameters
        scale = np.diag(self.matrix)
        lower = np.array([-np.inf if p.log else p.lower for p in parameters]) * scale
        upper = np.array([np.inf if p.log else p.upper for p in parameters]) * scale
        return lower, upper

    def value(self, phi: FloatArray, objective: Objective) -> float:
        """The objective at ``phi``."""
        return float(self.points.weights @ objective.losses(self.residuals(phi)))


def descend(problem: Problem, phi: FloatArray, objective: Objective, *, tolerance: float, limit: int) -> FloatArray:
    """The end of one descent from ``phi``, for a smooth objective (``huber`` or ``ols``)."""
    huber = objective.kind == "huber"
    weights = problem.points.weights
    even = bool(np.all(weights == 1))
    lower, upper = problem.bounds()
    end = least_squares(
        problem.residuals,
        np.clip(phi, lower, upper),
        problem.jacobian,
        bounds=(lower, upper),
        loss=("huber" if huber else "linear") if even else _weighted(weights, huber),
        f_scale=objective.known_delta if huber else 1.0,
        x_scale="jac",
        ftol=tolerance,
        xtol=tolerance,
        gtol=tolerance,
        max_nfev=limit,
    )
    return np.asarray(end.x, dtype=np.float64)


def _weighted(weights: FloatArray, huber: bool) -> Callable[[FloatArray], FloatArray]:
    """SciPy's loss rho(z) of squared residuals in units of delta, and its two derivatives, times ``weights``."""

    def rho(z: FloatArray) -> FloatArray:
        inside = z <= 1 if huber else np.ones_like(z, dtype=bool)
        root = np.sqrt(np.where(inside, 1.0, z))
        value = np.where(inside, z, 2 * root - 1)
        first = np.where(inside, 1.0, 1 / root)
        second = np.where(inside, 0.0, -0.5 / root**3)
        return weights * np.stack([value, first, second])

    return rho
