"""A fitted law without each cluster in turn: refitted, or where there are many clusters by one step."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.comparison.jackknife import MOST_REFITS
from ladderscope.scaling.fitting.fit import refit
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.uncertainty.clusters import LinearClusters

SMALLEST = 1e-10
"""Of the eigenvalues of a Hessian with columns of length one: smaller ones are directions that nothing moves along."""


def leave_one_out(fitted: FittedLaw, n_clusters: int) -> FloatArray | None:
    """theta without each cluster, shape (G, k); ``None`` where a refit failed.

    Up to 40 clusters the law is refitted without each. With more it takes one Newton step, from the Hessian of the
    other clusters: for a linear law that is the refit, and for others it differs by terms of the order of 1 / G^2.
    """
    found = _refitted(fitted, n_clusters) if n_clusters <= MOST_REFITS else one_step(fitted)
    return found if found is not None and np.isfinite(found).all() else None


def one_step(fitted: FittedLaw) -> FloatArray | None:
    """theta after one Newton step without each cluster; parameters that are held at a bound, or are idle, stay."""
    linear = LinearClusters.of(fitted)
    if linear is None:
        return None
    without = np.linalg.pinv(linear.matrix() - linear.matrices(), rcond=SMALLEST, hermitian=True)
    # The gradient of the others is what the cluster's own one was, with the opposite sign: together they are 0.
    steps = np.einsum("gij,gj->gi", without, linear.scores())
    return np.asarray(fitted.theta + steps @ linear.back.T, dtype=np.float64)


def _refitted(fitted: FittedLaw, n_clusters: int) -> FloatArray:
    runs = fitted.points.run
    return np.array([refit(fitted, fitted.points.subset(runs != g)).theta for g in range(n_clusters)])
