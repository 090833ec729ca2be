"""The last digits of a least-squares optimum."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.points import FloatArray

MAX_STEPS = 20


def polished(problem: Problem, phi: FloatArray) -> FloatArray:
    """``phi`` after Gauss-Newton steps by orthogonal factors, for as long as they get shorter.

    The normal equations that descents solve square the condition number. In the hardest of NIST's problems that
    leaves half of the digits, at a sum of squares that no step lowers any more.
    """
    lower, upper = problem.bounds()
    free = (phi > lower) & (phi < upper)
    root = np.sqrt(problem.points.weights)
    last = np.inf
    with np.errstate(all="ignore"):
        for _ in range(MAX_STEPS):
            jacobian = problem.jacobian(phi)[:, free] * root[:, None]
            length = np.linalg.norm(jacobian, axis=0)
            if not np.isfinite(jacobian).all() or not length.all():
                return phi
            scaled = np.linalg.lstsq(jacobian / length, -problem.residuals(phi) * root, rcond=1e-15)[0]
            size = float(np.linalg.norm(scaled))
            if not size < 0.5 * last:
                return phi
            trial = phi.copy()
            trial[free] += scaled / length
            phi, last = np.clip(trial, lower, upper), size
    return phi
