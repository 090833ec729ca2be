"""Intervals around a fitted curve: of the mean, and of one more training run."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.base import MAX_EXPONENT, Law
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance

BandKind = Literal["mean", "new-run"]


def interval_at(
    fitted: FittedLaw, covariance: ClusteredCovariance, x: FloatArray, *, kind: BandKind, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The fitted curve at ``x``, shape (m, p), with a pointwise interval.

    Args:
        kind: ``mean`` is where the law itself lies; ``new-run`` is where a point of one more run falls, which has its
            run's deviation and a noise of its own.
        confidence: of the interval.

    Returns:
        y, its low end and its high end, shape (m,) each.
    """
    return curve_interval(fitted.law, fitted.theta, covariance, x, kind=kind, confidence=confidence)


def curve_interval(
    law: Law, theta: FloatArray, covariance: ClusteredCovariance, x: FloatArray, *, kind: BandKind, confidence: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """:func:`interval_at` for a ``theta``, shape (k,), with its ``covariance``: delta method on the law's scale.

    An interval of logarithms that overflows ends at the largest number that there is, as JSON has no infinity.
    """
    at = np.asarray(x, dtype=np.float64).reshape(-1, len(law.predictors))
    middle = law.prediction(theta, at)
    jacobian = law.jacobian(theta, at)
    variance = np.einsum("mi,ij,mj->m", jacobian, covariance.matrix, jacobian).clip(min=0.0)
    if kind == "new-run":
        variance = variance + covariance.run_deviation**2 + covariance.noise_deviation**2
    width = stats.t.ppf(0.5 + confidence / 2, covariance.degrees_of_freedom) * np.sqrt(variance)
    largest = MAX_EXPONENT if law.scale == "log" else np.inf
    low, y, high = (law.from_scale(np.minimum(end, largest)) for end in (middle - width, middle, middle + width))
    return y, low, high
