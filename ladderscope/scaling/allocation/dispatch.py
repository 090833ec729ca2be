"""From a table to an allocation: one of the approaches, with its intervals and what to know about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ladderscope.errors import UnknownNameError
from ladderscope.scaling.allocation.described import described
from ladderscope.scaling.allocation.envelope import envelope
from ladderscope.scaling.allocation.isoflop import isoflop
from ladderscope.scaling.allocation.parametric import parametric
from ladderscope.scaling.allocation.runs import C, cost_notes, points_of
from ladderscope.scaling.allocation.solution import CannotAllocateError, Solution
from ladderscope.scaling.points import Points
from ladderscope.scaling.results.allocation import Allocation, Approach
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import ScalingTable
from ladderscope.scaling.text import format_value

APPROACHES: dict[Approach, Callable[[Points, FitSettings], Solution]] = {
    "envelope": envelope,
    "isoflop": isoflop,
    "parametric": parametric,
}
DEFAULT_BUDGETS = 5
BEYOND = 1.5
"""A budget this many times outside of the data's compute is told to be extrapolated."""


def allocate(
    approach: Approach, table: ScalingTable, settings: FitSettings, *, budgets: Sequence[float] = ()
) -> Allocation:
    """What to train with ``budgets`` of compute, by one approach of Hoffmann et al. 2022 (arXiv:2203.15556).

    Args:
        approach: ``envelope`` (1), ``isoflop`` (2) or ``parametric`` (3).
        table: losses of one group over N (parameters), D (tokens) and C (FLOPs); ``parametric`` does without C.
        settings: the objective of ``parametric``; confidence, resamples and seed of the bootstrap over runs.
        budgets: in FLOPs; without any, a few that span the table's compute.

    Returns:
        The exponents of N_opt ~ C^a and D_opt ~ C^b and the optima, or the ``reason`` why there are none.

    Raises:
        UnknownNameError: there is no such approach.
    """
    if approach not in APPROACHES:
        raise UnknownNameError("approach", approach, APPROACHES)
    try:
        points = points_of(table, approach)
        solution = APPROACHES[approach](points, settings)
    except CannotAllocateError as why:
        return Allocation(approach=approach, reason=str(why))
    asked = [float(budget) for budget in budgets] or _spanning(points)
    found = described(approach, solution, asked, settings)
    if solution.frontier is None:
        return found
    notes = [*found.notes, *_budget_notes(asked, points, chosen=not budgets)]
    return replace(found, notes=[*notes, *cost_notes(points, table)] if approach == "parametric" else notes)


def _spanning(points: Points) -> list[float]:
    compute = points.x[:, C]
    return [float(one) for one in np.unique(np.geomspace(compute.min(), compute.max(), DEFAULT_BUDGETS))]


def _budget_notes(budgets: Sequence[float], points: Points, *, chosen: bool) -> list[str]:
    low, high = float(points.x[:, C].min()), float(points.x[:, C].max())
    ends = f"{format_value(low, 'FLOP')} to {format_value(high, 'FLOP')}"
    if chosen:
        return [f"No budgets were asked for: {len(budgets)} that span the table's compute are shown, {ends}."]
    beyond = [one for one in budgets if one > BEYOND * high or one < low / BEYOND]
    if not beyond:
        return []
    named = ", ".join(format_value(one, "FLOP") for one in beyond)
    return [f"Extrapolated beyond the table's compute ({ends}): {named}."]
