"""The pairs bootstrap of a frontier: training runs drawn with replacement, and the approach repeated on each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ladderscope.scaling.allocation.frontier import Frontier
from ladderscope.scaling.points import IntArray
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.uncertainty.draws import Draws

FEWEST_RUNS = 4
"""Fewer runs have too few different resamples to say how runs vary."""
_STREAM = 4


def bootstrap(n_runs: int, settings: FitSettings, solve: Callable[[IntArray], Frontier | None]) -> Draws:
    """The frontiers that ``solve`` finds for drawn runs, as indices of shape (n_runs,); ``None`` is a failure."""
    if n_runs < FEWEST_RUNS or settings.resamples <= 0:
        return no_draws()
    rng = np.random.default_rng([settings.seed, _STREAM])
    found = [solve(rng.integers(n_runs, size=n_runs)) for _ in range(settings.resamples)]
    vectors = [one.vector for one in found if one is not None]
    kept = [vector for vector in vectors if np.isfinite(vector).all()]
    return Draws(np.array(kept).reshape(len(kept), 4), settings.resamples - len(kept))


def no_draws() -> Draws:
    """The result of no bootstrap at all."""
    return Draws(np.empty((0, 4)), 0)
