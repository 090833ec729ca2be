"""Where one method overtakes the other, with the interval of all x where their difference could be zero."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ladderscope.scaling.comparison.equivalence import between_roots
from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND
from ladderscope.scaling.comparison.joint_law import JointLaw
from ladderscope.scaling.comparison.local_slope import Lines
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.estimates import Ends, Estimate

LARGEST_LOG = 500.0
GRID = 241
REACH = 2.0
"""How far beyond the shared range a crossing is looked for, in lengths of it (of logarithms)."""
SAME_SLOPES = "the slopes could be the same, so the curves need not cross anywhere"


def crossing_of_lines(lines: Lines, ends: Ends, confidence: float) -> Estimate:
    """The first predictor at which two straight lines cross, with Fieller's interval (1954) of its logarithm.

    Lines that cross farther than ``REACH`` from the range ``ends`` do not cross as far as the data say.
    """
    matrix = lines.estimates.covariance()
    gap, slope = np.zeros((2, len(lines.estimates.value)))
    gap[list(Lines.LEVELS)] = slope[list(Lines.SLOPES)] = 1.0, -1.0
    level, fall = float(gap @ lines.estimates.value), float(slope @ lines.estimates.value)
    if fall == 0:
        return Estimate(reason=SAME_SLOPES)
    t2 = float(stats.t.isf((1 - confidence) / 2, lines.estimates.contrast(slope).freedom)) ** 2
    interval = between_roots(
        fall**2 - t2 * float(slope @ matrix @ slope),
        -(level * fall - t2 * float(gap @ matrix @ slope)),
        level**2 - t2 * float(gap @ matrix @ gap),
    )
    if interval is None:
        return Estimate(reason=SAME_SLOPES)
    at = lines.centre - level / fall
    nearest, farthest = _searched(ends)
    if not nearest <= at <= farthest:
        return Estimate(reason="straight lines do not cross near the data")
    low, high = (_power(lines.centre + end) for end in interval)
    return Estimate(_power(at), low, high)


def crossing_of_law(
    law: JointLaw, estimates: Jackknifed, others: FloatArray, ends: Ends, confidence: float, freedom: float
) -> Estimate:
    """The crossing of the two methods' curves that is nearest to the middle of the range ``ends``.

    Args:
        others: logarithms of the further predictors, held, shape (p - 1,).
        freedom: degrees of freedom of the standard errors.
    """
    grid = np.linspace(*_searched(ends), GRID)
    x = np.exp(np.column_stack([grid, np.tile(others, (GRID, 1))]))

    def gap(theta: FloatArray) -> FloatArray:
        return law.of_method(theta, FIRST, x) - law.of_method(theta, SECOND, x)

    difference = gap(estimates.value)
    changes = np.flatnonzero(np.sign(difference[1:]) != np.sign(difference[:-1]))
    if len(changes) == 0:
        return Estimate(reason="the fitted curves do not cross near the data")
    cell = int(changes[np.argmin(np.abs(grid[changes] - np.log(ends).mean()))])
    share = difference[cell] / (difference[cell] - difference[cell + 1])
    critical = float(stats.t.isf((1 - confidence) / 2, freedom))
    clear = np.abs(difference) > critical * np.sqrt(estimates.variance_of(gap))
    left = next((_power(grid[i]) for i in range(cell, -1, -1) if clear[i]), None)
    right = next((_power(grid[i]) for i in range(cell + 1, GRID) if clear[i]), None)
    reason = None if left is not None and right is not None else "far beyond the data the curves could be the same"
    return Estimate(_power(grid[cell] + share * (grid[1] - grid[0])), left, right, reason=reason)


def _searched(ends: Ends) -> tuple[float, float]:
    low, high = np.log(ends)
    return float(low - REACH * (high - low)), float(high + REACH * (high - low))


def _power(log_x: float) -> float | None:
    return float(np.exp(log_x)) if abs(log_x) <= LARGEST_LOG else None
