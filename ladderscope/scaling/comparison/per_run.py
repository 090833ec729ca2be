"""The slope of each run, where runs have checkpoints over enough of the range: a t-test of slopes."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND, JointPoints
from ladderscope.scaling.comparison.linear import jackknife_lines
from ladderscope.scaling.points import FloatArray

FEWEST_POINTS = 3
SMALLEST_SPAN = np.log(2.0)
"""Of log x within a run: a slope over less is mostly noise."""


def per_run_slopes(joint: JointPoints) -> Jackknifed | None:
    """The mean slope of the runs of the first method and of the second, with the variance of a t-test.

    ``None`` where a run has fewer than 3 points, or they span less than a factor of 2.
    """
    slopes, clusters, methods = [], [], []
    for cluster in range(len(joint.stratum)):
        for method in (FIRST, SECOND):
            rows = (joint.points.run == cluster) & (joint.method == method)
            if rows.any():
                slope = _slope(np.log(joint.points.x[rows, 0]), np.log(joint.points.y[rows]))
                if slope is None:
                    return None
                slopes.append(slope)
                clusters.append(cluster)
                methods.append(method)
    member = np.array(methods)
    design = np.column_stack([member == FIRST, member == SECOND]).astype(float)
    ones = np.ones(len(slopes))
    return jackknife_lines(design, np.array(slopes), ones, np.array(clusters), joint.stratum, lost=1)


def _slope(log_x: FloatArray, log_y: FloatArray) -> float | None:
    if len(np.unique(log_x)) < FEWEST_POINTS or np.ptp(log_x) < SMALLEST_SPAN:
        return None
    centred = log_x - log_x.mean()
    return float(centred @ log_y / (centred @ centred))
