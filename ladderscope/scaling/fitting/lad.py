"""Least absolute deviations, exactly: a sequence of linear programmes in a trust region.

An optimum of absolute deviations goes through as many points as there are parameters. A Huber objective with a small
delta comes near it slowly and can stop beside it, so that its parameters are off in the fourth digit. Linear
programmes (SciPy's HiGHS) walk from corner to corner of the linearised problem: Madsen 1975, an algorithm for minimax
solution of overdetermined systems of non-linear equations, in its L1 form.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.points import FloatArray

FIRST_RADIUS = 1e-2
SMALLEST_RADIUS = 1e-12
LARGEST_RADIUS = 1.0
MAX_STEPS = 200
SMALLEST_GAIN = 1e-14
"""Of the objective: less is rounding."""


def least_absolute(problem: Problem, phi: FloatArray) -> FloatArray:
    """The optimum of the weighted sum of absolute residuals that is reached from ``phi``."""
    radius = FIRST_RADIUS
    weights = problem.points.weights
    best = float(weights @ np.abs(problem.residuals(phi)))
    for _ in range(MAX_STEPS):
        step, promised = _best_step(problem, phi, radius)
        if best - promised <= SMALLEST_GAIN * best:
            break
        value = float(weights @ np.abs(problem.residuals(phi + step)))
        if value < best:
            phi, best, radius = phi + step, value, min(2 * radius, LARGEST_RADIUS)
            continue
        radius /= 4
        if radius < SMALLEST_RADIUS:
            break
    return phi


def _best_step(problem: Problem, phi: FloatArray, radius: float) -> tuple[FloatArray, float]:
    """The step within ``radius`` that minimises the linearised objective, and its minimum: r + J s = above - below."""
    residuals, jacobian = problem.residuals(phi), problem.jacobian(phi)
    n, k = jacobian.shape
    # A radius of 1 moves predictions by 1 on the law's scale, whatever the parameter's unit.
    size = np.sqrt(np.mean(jacobian**2, axis=0))
    unit = np.divide(1.0, size, out=np.zeros_like(size), where=size > np.finfo(float).tiny)
    lower, upper = (np.divide(bound - phi, unit, out=np.zeros(k), where=unit > 0) for bound in problem.bounds())
    steps = np.stack([np.maximum(lower, -radius), np.minimum(upper, radius)], axis=1)
    weights = problem.points.weights
    found = linprog(
        np.concatenate([np.zeros(k), weights, weights]),
        A_eq=np.hstack([jacobian * unit, -np.eye(n), np.eye(n)]),
        b_eq=-residuals,
        bounds=[*steps.tolist(), *([(0, None)] * (2 * n))],
        method="highs",
    )
    if found.x is None or found.fun is None:
        return np.zeros(k), np.inf
    return np.asarray(found.x[:k] * unit, dtype=np.float64), float(found.fun)
