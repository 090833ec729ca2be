"""How far runs lie from the law, and how far points lie from their run."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import robust_deviation
from ladderscope.scaling.points import FloatArray, IntArray

CLIP = 3.0
"""Residuals count at most this many robust standard deviations, where the objective is robust too."""


def variance_components(fitted: FittedLaw) -> tuple[float, float]:
    """Standard deviations of what the points of a run share, and of what each point has to itself, on the law's scale.

    Method of moments (analysis of variance): the sum of squared residuals and its part between runs are set equal to
    their expectations. These account for what the fit took away: residuals are (I - H) times the errors, with H the
    hat matrix of the linearised fit. Where every run has one point the two cannot be told apart, and all is noise.

    Returns:
        (run deviation, noise deviation); a component that comes out negative is 0.
    """
    counted = ~fitted.points.censored
    residuals = fitted.residuals[counted]
    if fitted.objective.kind != "ols":
        residuals = _clipped(residuals)
    jacobian, weights = fitted.jacobian[counted], fitted.points.weights[counted]
    run = np.unique(fitted.points.run[counted], return_inverse=True)[1]
    scale = np.sqrt((jacobian**2).sum(axis=0))
    jacobian = jacobian / np.where(scale > 0, scale, 1.0)
    root = np.sqrt(weights)
    hat: FloatArray = np.asarray(np.linalg.pinv(jacobian * root[:, None]) * root, dtype=np.float64)
    n_runs = int(run.max(initial=-1)) + 1
    left = _left_over(jacobian, hat)
    if n_runs == len(run):
        return 0.0, float(np.sqrt(residuals @ residuals / left)) if left > 0.5 else 0.0
    return _two_components(residuals, jacobian, hat, run)


def _clipped(residuals: FloatArray) -> FloatArray:
    limit = CLIP * robust_deviation(residuals) if len(residuals) else 0.0
    return np.clip(residuals, -limit, limit) if limit > 0 else residuals


def _left_over(jacobian: FloatArray, hat: FloatArray) -> float:
    """The squared Frobenius norm of I - H: the degrees of freedom of the residuals."""
    return float(len(jacobian) - 2 * np.trace(hat @ jacobian) + ((jacobian.T @ jacobian) * (hat @ hat.T)).sum())


def _two_components(
    residuals: FloatArray, jacobian: FloatArray, hat: FloatArray, run: IntArray
) -> tuple[float, float]:
    members = np.eye(int(run.max()) + 1)[run]
    sizes = members.sum(axis=0)
    means = members / np.sqrt(sizes)
    shared = members - jacobian @ (hat @ members)
    between = means.T - (means.T @ jacobian) @ hat
    expected = np.array(
        [
            [(shared**2).sum(), _left_over(jacobian, hat)],
            [((means.T @ shared) ** 2).sum(), (between**2).sum()],
        ]
    )
    found = np.array([residuals @ residuals, ((means.T @ residuals) ** 2).sum()])
    if np.linalg.matrix_rank(expected, tol=1e-9 * expected.max()) < 2:
        return 0.0, float(np.sqrt(found[0] / expected[0, 1])) if expected[0, 1] > 0.5 else 0.0
    run_variance, noise_variance = np.linalg.solve(expected, found)
    if run_variance <= 0:
        return 0.0, float(np.sqrt(found[0] / expected[0, 1]))
    if noise_variance <= 0:
        return float(np.sqrt(found[0] / expected[0, 0])), 0.0
    return float(np.sqrt(run_variance)), float(np.sqrt(noise_variance))
