"""The points of a table that allocation is about: loss over parameters, tokens and compute, of one group."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ladderscope.scaling.allocation.solution import CannotAllocateError
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.results.allocation import Approach
from ladderscope.scaling.table import GROUP, ScalingTable

N, D, C = 0, 1, 2
"""Columns of ``Points.x``."""
USUAL_COST = 6.0
"""FLOPs for a parameter and a token: 2 forwards and 4 backwards (Kaplan et al. 2020, arXiv:2001.08361)."""
MOST_VARIATION = 0.1
NEEDS: dict[Approach, dict[str, str]] = {
    "envelope": {"N": "parameters", "D": "tokens", "C": "training compute"},
    "isoflop": {"N": "parameters", "D": "tokens", "C": "training compute"},
    "parametric": {"N": "parameters", "D": "tokens"},
}


def points_of(table: ScalingTable, approach: Approach) -> Points:
    """The measured points with x = (N, D, C), shape (n, 3). Where the table has no C it is 6 N D.

    Raises:
        CannotAllocateError: the table has several groups, or lacks a predictor, or its response is no loss.
    """
    if table.response.unit == "bytes":
        raise CannotAllocateError(f"allocation asks which run has the lowest loss, and y is {table.response.label}")
    _check_groups(table)
    missing = [f"{name} ({what})" for name, what in NEEDS[approach].items() if name not in table.axes]
    if missing:
        raise CannotAllocateError(
            f"it needs {' and '.join(NEEDS[approach])}, and the table has no {' and no '.join(missing)} that varies: "
            f"name its column with --columns {missing[0][0]}=COLUMN"
        )
    (group,) = table.groups(["N", "D", "C"] if "C" in table.axes else ["N", "D"])
    points = group.points
    if points.x.shape[1] == 2:
        points = replace(points, x=np.column_stack([points.x, USUAL_COST * points.x[:, N] * points.x[:, D]]))
    usable = np.isfinite(points.x).all(axis=1) & (points.x > 0).all(axis=1) & (points.y > 0) & ~points.censored
    if not usable.any():
        raise CannotAllocateError("no point has a loss and positive N, D and C")
    return points.subset(usable)


def last_points(points: Points) -> Points:
    """The point of largest compute of each run."""
    order = np.lexsort((points.x[:, C], points.run))
    ends = np.append(points.run[order][1:] != points.run[order][:-1], True)
    keep = np.zeros(len(points), dtype=bool)
    keep[order[ends]] = True
    return points.subset(keep)


def cost(points: Points) -> float:
    """k in C = k N D: the median of the points, 6 where they differ from that by rounding only."""
    k = float(np.median(_costs(points)))
    return USUAL_COST if math.isclose(k, USUAL_COST, rel_tol=1e-3) else k


def cost_notes(points: Points, table: ScalingTable) -> list[str]:
    """Which k was used and, if so, that one k does not describe the points."""
    if "C" not in table.axes:
        return [f"The table has no C: C = {USUAL_COST:g} N D was used."]
    found, k = _costs(points), cost(points)
    low, high = float(found.min()), float(found.max())
    notes = [f"C = {k:.4g} N D was used: the median of the table's C / (N D)."]
    if high > low * (1 + MOST_VARIATION):
        notes.append(f"C / (N D) is not constant: it goes from {low:.3g} to {high:.3g}, so budgets are approximate.")
    return notes


def _costs(points: Points) -> FloatArray:
    return np.asarray(points.x[:, C] / (points.x[:, N] * points.x[:, D]))


def _check_groups(table: ScalingTable) -> None:
    names = [str(name) for name in table.frame[GROUP].unique()]
    if not names:
        raise CannotAllocateError("the table has no points")
    if len(names) > 1:
        raise CannotAllocateError(
            f"the table has {len(names)} groups by {table.by}, each with a frontier of its own: keep one with "
            f"--where \"{table.by} == '{names[0]}'\""
        )
