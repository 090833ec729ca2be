"""Least absolute deviations, exactly: a sequence of linear programmes in a trust region.

An optimum of absolute deviations goes through as many points as there are parameters. A Huber objective with a small
delta comes near it slowly and can stop beside it, so that its parameters are off in the fourth digit. Linear
programmes (SciPy's HiGHS) walk from corner to corner of the linearised problem: Madsen 1975, an algorithm for minimax
solution of overdetermined systems of non-linear equations, in its L1 form.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from ladderscope.scaling.fitting.solver import Problem
from ladderscope.scaling.points import FloatArray

FIRST_RADIUS = 1e-2
SMALLEST_RADIUS = 1e-12
LARGEST_RADIUS = 1.0
MAX_STEPS = 200


def least_absolute(problem: Problem, phi: FloatArray) -> FloatArray:
    """The optimum of the weighted sum of absolute residuals that is reached from ``phi``."""
    radius = FIRST_RADIUS
    weights = problem.points.weights
    best = float(weights @ np.abs(problem.residuals(phi)))
    for _ in range(MAX_STEPS):
        step = _best_step(problem, phi, radius)
        value = float(weights @ np.abs(problem.residuals(phi + step)))
        if value < best * (1 - 1e-15):
            phi, best, radius = phi + step, value, min(2 * radius, LARGEST_RADIUS)
            continue
        radius /= 4
        if radius < SMALLEST_RADIUS:
            break
    return phi


def _best_step(problem: Problem, phi: FloatArray, radius: float) -> FloatArray:
    """The step within ``radius`` that minimises the linearised objective: r + J s = above - below."""
    residuals, jacobian = problem.residuals(phi), problem.jacobian(phi)
    n, k = jacobian.shape
    lower, upper = (bound - phi for bound in problem.bounds())
    steps = np.stack([np.maximum(lower, -radius), np.minimum(upper, radius)], axis=1)
    found = linprog(
        np.concatenate([np.zeros(k), problem.points.weights, problem.points.weights]),
        A_eq=np.hstack([jacobian, -np.eye(n), np.eye(n)]),
        b_eq=-residuals,
        bounds=[*steps.tolist(), *([(0, None)] * (2 * n))],
        method="highs",
    )
    return np.zeros(k) if found.x is None else np.asarray(found.x[:k], dtype=np.float64)
