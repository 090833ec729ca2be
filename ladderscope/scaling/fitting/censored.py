"""Right-censored points: cells that ran out of memory, of which only a lower bound is known.

Least squares take them as Tobin 1958 does (Estimation of relationships for limited dependent variables): normal noise
of deviation s, and the probability that the response lies above the bound. The negative logarithm of that probability
is written as half a square, so that censored points have residuals like all others: for r the prediction minus bound,

    q(r) = -s sqrt(-2 log Phi(r / s)),    q^2 / 2 = -s^2 log Phi(r / s).

Far below the bound q is r, far above it is 0; without noise it is the hinge min(r, 0), which robust objectives take.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from ladderscope.scaling.points import BoolArray, FloatArray

INFORMATIVE = 0.1
"""A censored point whose slope is less tells less than a hundredth of what a measured one does (its square)."""
MAX_ROUNDS = 100
RELATIVE_CHANGE = 1e-6


def censored_residuals(residuals: FloatArray, deviation: float) -> FloatArray:
    """q of ``residuals`` r, shape (m,)."""
    if deviation <= 0:
        return np.minimum(residuals, 0.0)
    return -deviation * np.sqrt(-2 * _log_probability(residuals, deviation))


def censored_slopes(residuals: FloatArray, deviation: float) -> FloatArray:
    """dq/dr, shape (m,): 1 far below the bound, 0 far above it."""
    if deviation <= 0:
        return np.asarray(residuals < 0, dtype=np.float64)
    root = np.sqrt(-2 * _log_probability(residuals, deviation))
    return np.divide(_hazard(residuals / deviation), root, out=np.zeros_like(root), where=root > 0)


def noise_deviation(residuals: FloatArray, censored: BoolArray, weights: FloatArray, deviation: float) -> float:
    """The next estimate of s by maximum likelihood, from plain ``residuals`` and the last estimate.

    A fixed point of it is the maximum: the derivative of the likelihood by s is zero there.
    """
    measured = ~censored
    squares = float(weights[measured] @ residuals[measured] ** 2)
    ratio = residuals[censored] / deviation
    explained = float(weights[censored] @ (_hazard(ratio) * ratio))
    return float(np.sqrt(squares / max(float(weights[measured].sum()) + explained, np.finfo(float).tiny)))


def _log_probability(residuals: FloatArray, deviation: float) -> FloatArray:
    return np.asarray(log_ndtr(residuals / deviation), dtype=np.float64)


def _hazard(ratio: FloatArray) -> FloatArray:
    """The derivative of log Phi."""
    return np.asarray(np.exp(-0.5 * ratio**2 - log_ndtr(ratio)) / np.sqrt(2 * np.pi), dtype=np.float64)
