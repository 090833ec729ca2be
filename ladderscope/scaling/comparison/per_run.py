"""The slope of each run, where runs have checkpoints over enough of the range: a t-test of slopes."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.comparison.cluster_sums import cluster_sums
from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND, JointPoints
from ladderscope.scaling.comparison.linear import jackknife_lines
from ladderscope.scaling.points import FloatArray, IntArray

FEWEST_POINTS = 3
SMALLEST_SPAN = np.log(2.0)
"""Of log x within a run: a slope over less is mostly noise."""


def per_run_slopes(joint: JointPoints) -> Jackknifed | None:
    """The mean slope of the runs of the first method and of the second, with the variance of a t-test.

    Points count by their weights in the slope of their run; runs count alike.

    ``None`` where a run has fewer than 3 points, or they span less than a factor of 2.
    """
    points = joint.points
    units, unit = np.unique(2 * points.run + joint.method, return_inverse=True)
    slopes = _slopes(np.log(points.x[:, 0]), np.log(points.y), points.weights, unit, len(units))
    if slopes is None:
        return None
    design = np.column_stack([units % 2 == FIRST, units % 2 == SECOND]).astype(float)
    return jackknife_lines(design, slopes, np.ones(len(units)), units // 2, joint.stratum, lost=1)


def _slopes(
    log_x: FloatArray, log_y: FloatArray, weights: FloatArray, unit: IntArray, n_units: int
) -> FloatArray | None:
    """The slope of the points of each unit, shape (n_units,)."""
    different = np.unique(np.column_stack([unit, log_x]), axis=0)[:, 0].astype(np.int64)
    low, high = np.full(n_units, np.inf), np.full(n_units, -np.inf)
    np.minimum.at(low, unit, log_x)
    np.maximum.at(high, unit, log_x)
    if np.bincount(different, minlength=n_units).min() < FEWEST_POINTS or (high - low).min() < SMALLEST_SPAN:
        return None
    middle = cluster_sums(weights * log_x, unit, n_units) / cluster_sums(weights, unit, n_units)
    centred = log_x - middle[unit]
    return cluster_sums(weights * centred * log_y, unit, n_units) / cluster_sums(weights * centred**2, unit, n_units)
