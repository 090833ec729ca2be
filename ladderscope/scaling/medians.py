"""Medians of points that count by their weights."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.points import FloatArray

HALF = 1e-12
"""How close to one half a share is one half."""


def weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """Where half of the ``weights``, positive, shape (n,), lies on either side of ``values``, shape (n,).

    A point of weight 2 counts as two points; for equal weights it is the median; of nothing it is NaN.
    """
    if len(values) == 0:
        return float("nan")
    order = np.argsort(values)
    shares = np.cumsum(weights[order]) / np.sum(weights)
    lower = int(np.searchsorted(shares, 0.5 - HALF))
    upper = min(lower + 1, len(order) - 1) if shares[lower] <= 0.5 + HALF else lower
    return float((values[order[lower]] + values[order[upper]]) / 2)
