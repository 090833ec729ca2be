"""For each law: a place to measure at, and parameters that it could have."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws import LAWS
from ladderscope.scaling.points import FloatArray

TRUTHS: dict[str, dict[str, float]] = {
    "power": {"B": 12.0, "lambda": 0.08},
    "power-offset": {"E": 1.7, "B": 400.0, "lambda": 0.35},
    "rectified": {"E": 0.8, "B": 300.0, "D_l": 120.0, "beta": 0.4},
    "broken": {"E": 0.9, "B": 9.0, "c0": 0.08, "lambda": 0.35, "d": 2e4, "f": 0.4},
    "rank": {"E": 1.9, "R0": 6.0, "lambda": 0.05},
    "chinchilla": {"E": 1.8, "A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37},
    "chinchilla-shared": {"E": 1.8, "A": 480.0, "B": 900.0, "alpha": 0.34},
    "kaplan": {"Nc": 6.4e13, "Dc": 1.8e13, "alphaN": 0.076, "alphaD": 0.103},
    "multiplicative": {"E": 0.9, "A": 120.0, "alpha": 0.15, "beta": 0.12},
    "memory-linear": {"c0": 3.1e9, "c1": 2.4e6},
    "memory-length": {"c0": 9e8, "c1": 14.0, "c2": 30.0, "p": 0.66},
}

RANGES = {"N": (1e7, 1e10), "D": (1e8, 1e11), "X": (1e8, 1e10), "R": (1.0, 256.0), "S": (256.0, 8192.0)}


def places(name: str) -> FloatArray:
    """Predictors of the law called ``name``, shape (n, p)."""
    law = LAWS[name]
    if len(law.predictors) == 1:
        low, high = RANGES.get(law.predictors[0], (200.0, 2e6))
        return np.geomspace(low, high, 15)[:, None]
    columns = [np.geomspace(*RANGES[predictor], 6) for predictor in law.predictors]
    return np.stack([axis.ravel() for axis in np.meshgrid(*columns)], axis=1)
