"""The local log-log slope: how fast y changes with x, without a law."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ladderscope.scaling.laws import FloatArray


def log_slope(x: FloatArray, y: FloatArray, within: tuple[float, float] | None = None) -> float | None:
    """Least-squares slope of log y on log x over the points ``within`` a range of x.

    ``None`` where fewer than two values of x lie in it.
    """
    if within is not None:
        # A little slack, since the ends of the range are themselves points.
        inside = (x >= within[0] * (1 - 1e-9)) & (x <= within[1] * (1 + 1e-9))
        x, y = x[inside], y[inside]
    if len(np.unique(x)) < 2:
        return None
    centred = np.log(x) - np.log(x).mean()
    return float(centred @ np.log(y) / (centred @ centred))


def shared_range(xs: Iterable[FloatArray]) -> tuple[float, float] | None:
    """The range of x that all curves cover; curves at a single x are passed over."""
    ranges = [(float(x.min()), float(x.max())) for x in xs if len(np.unique(x)) > 1]
    if not ranges:
        return None
    low, high = max(low for low, _ in ranges), min(high for _, high in ranges)
    return (low, high) if low < high else None
