"""Two curves over the range that both have."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]


def mean_gap(first: Sequence[Point], second: Sequence[Point]) -> float | None:
    """Mean of the first curve minus the second, over all places that both reach; each counts as much as the other.

    Both are straight between their points. None where they share no range.

    Args:
        first: (place, height), in any order; give logarithms of both for curves that are straight in these.
        second: the same of the other.
    """
    import numpy as np

    if not first or not second:
        return None
    curves = [np.array(sorted(points), dtype=float).T for points in (first, second)]
    low, high = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    if low >= high:
        return None
    corners = np.concatenate([x for x, _ in curves])
    # Between the corners of both, the difference is a straight line: this integral of it is exact.
    places = np.unique(np.append(corners[(low < corners) & (corners < high)], [low, high]))
    mine, theirs = (np.interp(places, x, y) for x, y in curves)
    return float(np.trapezoid(mine - theirs, places) / (high - low))
