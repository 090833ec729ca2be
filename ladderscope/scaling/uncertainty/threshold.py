"""How far the objective may rise inside of a profile interval."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ladderscope.scaling.fitting.curvature import curvatures
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.uncertainty.clusters import LinearClusters
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance, fewest_runs


def thresholds(fitted: FittedLaw, covariance: ClusteredCovariance | None, confidence: float) -> FloatArray | None:
    """The rise of the objective at the ends of each parameter's profile interval, shape (k,).

    An objective is no log likelihood: its unit is that of squared residuals, and points of a run are not independent.
    Near the optimum the profile of parameter j is d^2 / (2 [M^-1]_jj), with M the objective's Hessian. The threshold
    is that rise at d = t standard errors:

    * Least squares with one point in each run: standard errors under one noise for all points, t of n - k. This is the
      F test of Bates and Watts 1988 (and of lmfit): s^2 F / 2. It is narrower than the clustered covariance where the
      noise is not the same for all points.
    * Otherwise: standard errors of the clustered covariance, with its t; for a parameter that is held there, the
      median threshold of the others.
    * Where the clustered covariance does not exist because parameters are not determined, runs are taken to differ in
      their level: the variance of summed influences per run over that of the points.

    Returns:
        ``None`` with too few runs or points.
    """
    points, k = fitted.points, len(fitted.theta)
    n_runs = int(fitted.informative_runs.sum())
    if n_runs < fewest_runs(k):
        return None
    counted = int((~points.censored).sum())
    if fitted.objective.kind == "ols" and points.n_runs == len(points):
        variance = float(points.weights @ fitted.residuals**2) / max(counted - k, 1)
        return np.full(k, _rise(confidence, counted - k) * variance)
    linear = LinearClusters.of(fitted)
    if covariance is not None and linear is not None:
        naive = linear.back @ np.linalg.inv(linear.matrix()) @ linear.back.T
        free = np.diag(naive) > 0
        ratio = np.diag(covariance.matrix)[free] / np.diag(naive)[free]
        found = np.full(k, float(np.median(ratio)))
        found[free] = ratio
        return _rise(confidence, covariance.degrees_of_freedom) * found
    influence = fitted.objective.influence(fitted.residuals)
    sums = np.bincount(points.run, weights=points.weights * influence)
    curvature = float(np.average(curvatures(fitted), weights=points.weights))
    variance = max(float(sums @ sums), float(points.weights**2 @ influence**2)) / float(points.weights.sum())
    return np.full(k, _rise(confidence, n_runs - k) * variance * n_runs / (n_runs - k) / curvature)


def _rise(confidence: float, degrees_of_freedom: float) -> float:
    return 0.5 * float(stats.t.ppf(0.5 + confidence / 2, max(degrees_of_freedom, 1.0))) ** 2
