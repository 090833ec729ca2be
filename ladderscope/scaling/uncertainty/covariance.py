"""The covariance of a fit's parameters, with the training run as the unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.uncertainty.clusters import LinearClusters, is_regular
from ladderscope.scaling.uncertainty.components import variance_components

FEWEST_RUNS = 4
"""Fewer runs say nothing about how runs vary."""


@dataclass(frozen=True, slots=True)
class ClusteredCovariance:
    """The covariance of ``theta``.

    Attributes:
        matrix: shape (k, k). Rows of parameters that are held, at a bound or at nothing, are 0.
        degrees_of_freedom: of the t distribution that intervals take.
        run_deviation, noise_deviation: standard deviations of what the points of a run share and of what each point
            has to itself, on the law's scale.
        n_clusters: the number of runs that count (:attr:`FittedLaw.informative_runs`).
    """

    matrix: FloatArray
    degrees_of_freedom: float
    run_deviation: float
    noise_deviation: float
    n_clusters: int

    @property
    def standard_errors(self) -> FloatArray:
        """Of ``theta``, shape (k,); 0 for parameters that are held."""
        return np.sqrt(np.diag(self.matrix))


def fewest_runs(n_parameters: int) -> int:
    """How many runs a covariance of so many parameters needs."""
    return max(FEWEST_RUNS, n_parameters + 1)


def delete_one_steps(linear: LinearClusters) -> FloatArray | None:
    """How far ``theta`` moves when each run is left out, linearised, shape (G, k).

    ``None`` where the parameters cannot be determined without some run.
    """
    without = linear.matrix() - linear.matrices()
    if not is_regular(without):
        return None
    steps = np.linalg.solve(without, linear.scores()[:, :, None])[:, :, 0]
    return steps @ linear.back.T


def clustered_covariance(fitted: FittedLaw, *, components: bool = True) -> ClusteredCovariance | None:
    """The covariance of ``theta``, clustered by run, with the jackknife correction for few runs (CR3).

    Each run is left out in turn; (G - 1) / G times the sum of squares of the changes of ``theta`` around their mean
    is the covariance. The changes are those of the objective's quadratic approximation, so that for a linear law and
    least squares this equals the brute-force jackknife. Source: Bell and McCaffrey 2002, Survey Methodology 28(2); for
    robust objectives the sandwich of M-estimators, with second derivatives by
    :func:`~ladderscope.scaling.fitting.curvature.curvatures`.

    Args:
        components: whether the variance components are computed; they are NaN otherwise.

    Returns:
        ``None`` with fewer runs that count than parameters + 1 or than 4, or where a parameter is not determined by
        the points that are left without some run.
    """
    linear, counted = LinearClusters.of(fitted), fitted.informative_runs
    n_runs = int(counted.sum())
    if linear is None or n_runs < fewest_runs(linear.n_free):
        return None
    steps = delete_one_steps(linear)
    if steps is None:
        return None
    steps = steps[counted]
    centred = steps - steps.mean(axis=0)
    matrix = (n_runs - 1) / n_runs * centred.T @ centred
    degrees = degrees_of_freedom(n_runs, int(fitted.informative.sum()), linear.n_free)
    deviations = variance_components(fitted) if components else (np.nan, np.nan)
    return ClusteredCovariance(matrix, degrees, *deviations, n_runs)


def degrees_of_freedom(n_runs: int, n_points: int, n_parameters: int) -> float:
    """Of the t distribution: G - 1 - (k - 1) G / n.

    n - k, as usual, where every point is a run of its own. With many points in each run it is close to G - 1: there
    the parameters are taken from the points within runs, and of G deviations of runs only the mean is lost. In
    simulations of few runs G - k and the degrees of freedom of run means made intervals too wide; G - 1 itself could
    not be told from this (studies/scaling_calibration/README.md).
    """
    return max(1.0, n_runs - 1 - (n_parameters - 1) * n_runs / n_points)
