"""Whether the predictors of a fit vary independently."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ladderscope.scaling.points import FloatArray

COLLINEAR = 0.95
FIXED_RATIO = 0.05
"""The deviation of a ratio's logarithm below which it is called fixed."""
CONSTANT = 1e-9


def correlation(x: FloatArray) -> float | None:
    """The largest absolute correlation of two columns' logarithms; ``None`` where there are no two that vary."""
    found = [abs(_correlation(log_x, log_z)) for log_x, log_z in combinations(_varying(x).T, 2)]
    return max(found, default=None)


def predictor_findings(names: tuple[str, ...], x: FloatArray) -> list[str]:
    """What speaks against telling the effects of the predictors apart, in sentences (see arXiv:2605.08541)."""
    logs = np.log(x)
    found = [
        f"{name} is the same at all points, so nothing can be said about it."
        for name, column in zip(names, logs.T, strict=True)
        if float(column.std()) <= CONSTANT
    ]
    for (first, log_first), (second, log_second) in combinations(zip(names, logs.T, strict=True), 2):
        if min(log_first.std(), log_second.std()) <= CONSTANT:
            continue
        ratio = log_second - log_first
        together = abs(_correlation(log_first, log_second))
        if float(ratio.std()) <= FIXED_RATIO:
            found.append(
                f"{second} is about {np.exp(ratio.mean()):.3g} times {first} at all points, "
                "so their effects cannot be told apart."
            )
        elif together > COLLINEAR:
            found.append(
                f"{first} and {second} go together (correlation of their logarithms {together:.3f}), "
                "so their effects can hardly be told apart."
            )
    return found


def _varying(x: FloatArray) -> FloatArray:
    logs = np.log(x)
    return np.asarray(logs[:, logs.std(axis=0) > CONSTANT], dtype=np.float64)


def _correlation(first: FloatArray, second: FloatArray) -> float:
    return float(np.corrcoef(first, second)[0, 1])
