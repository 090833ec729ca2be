"""The pairs bootstrap by run: training runs drawn with replacement, each with all of its points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.uncertainty.clusters import LinearClusters, is_regular
from ladderscope.scaling.uncertainty.draws import Advance, Draws, refits

PAIRS_STREAM = 1


def pairs_bootstrap(fitted: FittedLaw, resamples: int, *, seed: int = 0, advance: Advance | None = None) -> Draws:
    """``fitted`` refitted to ``resamples`` draws of its runs.

    A draw that holds too few different x to determine all parameters is a failure, and is counted.
    """
    if resamples <= 0:
        return Draws(np.empty((0, len(fitted.theta))), 0)
    found = [fit.theta for fit in refits(fitted, _resampled(fitted, resamples, seed), advance) if fit is not None]
    thetas = np.array(found).reshape(len(found), len(fitted.theta))
    return Draws(thetas, resamples - len(found))


def _resampled(fitted: FittedLaw, resamples: int, seed: int) -> Iterator[Points | None]:
    points = fitted.points
    rng = np.random.default_rng([seed, PAIRS_STREAM])
    linear = LinearClusters.of(fitted)
    parts: FloatArray | None = linear.matrices() if linear is not None else None
    for _ in range(resamples):
        runs = rng.integers(points.n_runs, size=points.n_runs)
        determined = parts is None or is_regular(parts[runs].sum(axis=0))
        yield points.resample(runs) if determined else None
