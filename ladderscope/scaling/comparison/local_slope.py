"""The slope of log y by log x over a range, without any law: what "the same compute scaling slope" means locally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND, JointPoints
from ladderscope.scaling.comparison.linear import jackknife_lines
from ladderscope.scaling.points import FloatArray, IntArray
from ladderscope.scaling.results.estimates import Ends, Estimate
from ladderscope.scaling.table import Group

LINE_PARAMETERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The straight lines of two methods in log-log.

    Attributes:
        estimates: level and slope of the first method, then of the second; levels are log y at ``centre``.
        centre: log of the first predictor.
    """

    estimates: Jackknifed
    centre: float

    LEVELS = (0, 2)
    SLOPES = (1, 3)


def shared_range(groups: Sequence[Group]) -> Ends | None:
    """The range of the first predictor that the measured points of all ``groups`` cover; ``None``: there is none."""
    columns = [group.points.x[~group.points.censored, 0] for group in groups]
    if not columns or any(len(column) == 0 for column in columns):
        return None
    low, high = max(float(x.min()) for x in columns), min(float(x.max()) for x in columns)
    return (low, high) if low < high else None


def local_slope(group: Group, within: Ends | None, confidence: float) -> Estimate:
    """d log y / d log x of ``group`` for the first predictor, over ``within`` (``None``: all of its points).

    The pooled line of all measured points; other predictors are held where the points can tell them apart. The
    standard error is CR3 by training run.
    """
    points = group.points
    x = points.x[:, 0]
    keep = ~points.censored
    points = points.subset(keep if within is None else keep & (x >= within[0]) & (x <= within[1]))
    if len(np.unique(points.x[:, 0])) < LINE_PARAMETERS:
        return Estimate(reason="fewer than two values of the predictor in the range")
    if np.any(points.y <= 0):
        return Estimate(reason="the response is not positive everywhere in the range")
    log_x = np.log(points.x) - np.log(points.x).mean(axis=0)
    design = _line_design(log_x, np.zeros(len(points), dtype=np.int64), 1)
    root = np.sqrt(points.weights)
    value = float(np.linalg.lstsq(design * root[:, None], np.log(points.y) * root, rcond=None)[0][1])
    stratum = np.zeros(points.n_runs, dtype=np.int64)
    found = jackknife_lines(design, np.log(points.y), points.weights, points.run, stratum, lost=LINE_PARAMETERS)
    if points.n_runs <= LINE_PARAMETERS or found is None:
        return Estimate(value, reason=f"{points.n_runs} training runs in the range are too few for an interval")
    slope = found.contrast(np.eye(design.shape[1])[1])
    error = float(np.sqrt(slope.variance))
    half = float(stats.t.isf((1 - confidence) / 2, slope.freedom)) * error
    return Estimate(value, value - half, value + half, error)


def pooled_lines(joint: JointPoints) -> Lines | None:
    """One line for each method through all of its points, jackknifed; ``None``: not identified without a cluster."""
    points = joint.points
    log_x = np.log(joint.predictors)
    middle = log_x.mean(axis=0)
    design = _line_design(log_x - middle, joint.method, 2)
    found = jackknife_lines(design, np.log(points.y), points.weights, points.run, joint.stratum, lost=LINE_PARAMETERS)
    return None if found is None else Lines(estimates=found, centre=float(middle[0]))


def _line_design(log_x: FloatArray, method: IntArray, n_methods: int) -> FloatArray:
    """Level and slope of each method, then its slopes by further predictors if these vary on their own."""
    own = [(method == m).astype(float) for m in range(n_methods)]
    lines = [column for inside in own for column in (inside, inside * log_x[:, 0])]
    others = [inside * log_x[:, j] for j in range(1, log_x.shape[1]) for inside in own]
    design = np.column_stack([*lines, *others])
    return (
        design if np.linalg.matrix_rank(design, tol=1e-8 * len(design)) == design.shape[1] else np.column_stack(lines)
    )


def even_ranges(joint: JointPoints) -> bool:
    """Whether both methods sample the range alike, so that a curved law bends both lines alike."""
    log_x = np.log(joint.predictors[:, 0])
    middles = [log_x[joint.method == method].mean() for method in (FIRST, SECOND)]
    return bool(abs(middles[0] - middles[1]) <= 0.1 * np.ptp(log_x))
