"""Runs of two methods whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladderscope.scaling.points import Points
from ladderscope.scaling.table import Group

MIDDLE = 1e18


def two_methods(
    runs: int = 6,
    checkpoints: int = 4,
    *,
    exponents: tuple[float, float] = (0.3, 0.3),
    multiplier: float = 1.0,
    offset: float = 0.0,
    deviation: float = 0.0,
    noise: float = 1e-3,
    paired: bool = True,
    seed: int = 0,
    names: Sequence[str] = ("ladder", "qlora"),
) -> tuple[Group, Group]:
    """y = offset + (x / middle)^-exponent, the first method at ``multiplier`` times the predictor.

    Runs have budgets over two decades, and deviate together in level by ``deviation``, points alone by ``noise``.
    """
    rng = np.random.default_rng(seed)
    ends = np.linspace(np.log(1e17), np.log(1e19), runs)
    z = (ends[:, None] + (np.linspace(-np.log(10), 0, checkpoints) if checkpoints > 1 else np.zeros(1))).ravel()
    run = np.repeat(np.arange(runs), checkpoints)
    shared = deviation * rng.normal(size=runs)[run]
    groups = []
    for name, exponent, times in zip(names, exponents, (multiplier, 1.0), strict=True):
        y = offset + np.exp(-exponent * (z - np.log(MIDDLE) - np.log(times)))
        y = y * np.exp(shared + noise * rng.normal(size=len(z)))
        keys = [{"model": f"{g}m"} if paired else {} for g in range(runs)]
        groups.append(Group(name, Points.of(np.exp(z), y, run=run), [f"{name}-{g}" for g in range(runs)], keys))
    return groups[0], groups[1]
