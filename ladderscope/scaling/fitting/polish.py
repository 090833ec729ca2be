"""The last digits of a least-squares optimum."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.points import FloatArray

LEAST_SQUARES = Objective(kind="ols")
MAX_STEPS = 100
SHORTER = 0.9
ROUNDING = 1e-9
"""By which share a step may raise the objective, whose own last digits are noise; more where residuals cancel."""


def polished(problem: Problem, phi: FloatArray) -> FloatArray:
    """``phi`` after Gauss-Newton steps by orthogonal factors, for as long as they get shorter.

    The normal equations that descents solve square the condition number. In the hardest of NIST's problems that
    leaves half of the digits, at a sum of squares that no step lowers any more.
    """
    lower, upper = problem.bounds()
    free = (phi > lower) & (phi < upper)
    root = np.sqrt(problem.points.weights)
    last, value = np.inf, problem.value(phi, LEAST_SQUARES)
    noise = np.finfo(float).eps * float(problem.points.weights @ np.abs(problem.residuals(phi) * problem.response))
    highest = value * (1 + ROUNDING) + 4 * noise
    with np.errstate(all="ignore"):
        for _ in range(MAX_STEPS):
            jacobian = problem.jacobian(phi)[:, free] * root[:, None]
            length = np.linalg.norm(jacobian, axis=0)
            if not np.isfinite(jacobian).all() or not length.all():
                return phi
            scaled = np.linalg.lstsq(jacobian / length, -problem.residuals(phi) * root, rcond=1e-15)[0]
            size = float(np.linalg.norm(scaled))
            if not size < SHORTER * last:
                return phi
            trial = phi.copy()
            trial[free] += scaled / length
            trial = np.clip(trial, lower, upper)
            if not problem.value(trial, LEAST_SQUARES) <= highest:
                return phi
            phi, last = trial, size
    return phi
