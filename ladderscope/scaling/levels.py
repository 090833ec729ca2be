"""Values that were meant to be the same: sizes and budgets that a grid of runs repeats."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.points import FloatArray, IntArray


def levels(values: FloatArray, within: float) -> IntArray:
    """The level of each of ``values`` (positive, shape (n,)), from 0 for the smallest; shape (n,).

    A level reaches from its largest value down to that value divided by ``within``. It does not chain: values that
    are spread evenly make many levels, not one.
    """
    order = np.argsort(values)[::-1]
    labels = np.zeros(len(values), dtype=np.int64)
    level, top = -1, np.inf
    for at in order:
        if values[at] < top / within:
            level, top = level + 1, float(values[at])
        labels[at] = level
    return level - labels
