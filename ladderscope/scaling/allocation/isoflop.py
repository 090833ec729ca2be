"""Approach 2: at each compute budget the lowest point of a parabola of loss in log N, then lines through these.

Source: Hoffmann et al. 2022 (arXiv:2203.15556), section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ladderscope.scaling.allocation.frontier import Frontier, PowerLine
from ladderscope.scaling.allocation.parabola import FEWEST_SIZES, Parabola
from ladderscope.scaling.allocation.resampling import bootstrap
from ladderscope.scaling.allocation.runs import C, D, N, last_points
from ladderscope.scaling.allocation.solution import CannotAllocateError, Solution
from ladderscope.scaling.levels import levels
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.results.allocation import IsoFlop
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.text import format_value

SAME_BUDGET = 1.1
"""Runs whose compute differs by less than this factor were given the same budget."""
BIASED = (
    "Parabolas put the optimum off where alpha and beta differ or the sizes are not centred on it (Czech 2026, "
    "arXiv:2603.22339); compare with the parametric approach."
)


@dataclass(frozen=True, slots=True)
class _Budget:
    compute: float
    params: FloatArray
    loss: FloatArray
    parabola: Parabola
    log_tokens: float

    @property
    def log_params(self) -> float:
        return self.parabola.centre + self.parabola.vertex


def isoflop(points: Points, settings: FitSettings) -> Solution:
    """The frontier through the lowest points of the budgets of ``points``, of x = (N, D, C).

    A run counts where it ends. A lowest point outside of its runs' sizes does not count.

    Raises:
        CannotAllocateError: no budget has runs of three sizes.
    """
    ends = last_points(points)
    snapped = _snapped(ends)
    budgets = list(_budgets(snapped))
    if not budgets:
        raise CannotAllocateError(
            f"no compute budget was given to {FEWEST_SIZES} model sizes (C within {SAME_BUDGET - 1:.0%} of each other)"
        )
    frontier = _frontier(budgets)
    return Solution(
        frontier=frontier,
        draws=bootstrap(snapped.n_runs, settings, lambda runs: _frontier(list(_budgets(snapped.resample(runs))))),
        n_runs=snapped.n_runs,
        reason=None if frontier else _why_no_line(budgets),
        parabolas=[_described(budget, settings.confidence) for budget in budgets],
        notes=_notes(points, ends, budgets),
    )


def _snapped(points: Points) -> Points:
    """``points`` with the compute of each at its budget: the median of the runs that were given it."""
    compute = points.x[:, C]
    level = levels(compute, SAME_BUDGET)
    medians = np.array([np.median(compute[level == at]) for at in range(level.max() + 1)])
    return replace(points, x=np.column_stack([points.x[:, :C], medians[level]]))


def _budgets(points: Points) -> Iterator[_Budget]:
    """The budgets that were given to enough sizes, smallest first."""
    for compute in np.unique(points.x[:, C]):
        at = points.x[:, C] == compute
        log_n, log_d = np.log(points.x[at][:, N]), np.log(points.x[at][:, D])
        if len(np.unique(log_n)) < FEWEST_SIZES:
            continue
        parabola = Parabola.through(log_n, points.y[at], points.weights[at])
        # Along a budget log D falls linearly with log N, if C / (N D) is the same everywhere or a power of N.
        tokens = PowerLine.through(log_n, log_d)
        log_tokens = tokens.level + tokens.exponent * (parabola.centre + parabola.vertex)
        yield _Budget(float(compute), points.x[at][:, N], points.y[at], parabola, log_tokens)


def _frontier(budgets: list[_Budget]) -> Frontier | None:
    found = [budget for budget in budgets if budget.parabola.inside]
    if len(found) < 2:
        return None
    columns = np.array([(np.log(one.compute), one.log_params, one.log_tokens) for one in found]).T
    return Frontier.through(*columns)


def _why_no_line(budgets: list[_Budget]) -> str:
    n = sum(budget.parabola.inside for budget in budgets)
    return f"a line needs two budgets with a lowest point within their sizes, and {n} of {len(budgets)} have one"


def _described(budget: _Budget, confidence: float) -> IsoFlop:
    order = np.argsort(budget.params)
    c0, c1, c2 = (float(value) for value in budget.parabola.coefficients)
    return IsoFlop(
        compute=budget.compute,
        params=budget.params[order].tolist(),
        loss=budget.loss[order].tolist(),
        centre=budget.parabola.centre,
        coefficients=(c0, c1, c2),
        optimum=budget.parabola.optimum(confidence),
    )


def _notes(points: Points, ends: Points, budgets: list[_Budget]) -> list[str]:
    used = sum(len(budget.params) for budget in budgets)
    found = [f"Parabolas of loss in log N at {len(budgets)} budgets, from {used} runs.", BIASED]
    if len(points) > len(ends):
        found.append(f"A run counts where it ends: {len(points) - len(ends)} earlier points were not used.")
    if len(ends) > used:
        lonely = f"{len(ends) - used} of {len(ends)} runs"
        found.append(f"Not used, since fewer than {FEWEST_SIZES} sizes share their budget: {lonely}.")
    refused = [budget for budget in budgets if not budget.parabola.inside]
    if refused:
        reasons = (f"{format_value(one.compute, 'FLOP')}, {one.parabola.optimum(0.95).reason}" for one in refused)
        found.append(f"{len(refused)} of the budgets do not count: {'; '.join(reasons)}.")
    off = [format_value(one.compute, "FLOP") for one in budgets if one.parabola.off_centre]
    if off:
        found.append(f"Off-centre, with the lowest point in the outer quarter of its sizes: {', '.join(off)}.")
    return found
