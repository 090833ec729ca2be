"""Differences between the slopes of two groups. A first form: no test, and no verdict that two slopes match."""

from __future__ import annotations

from ladderscope.scaling.groups import FittedGroup, estimate
from ladderscope.scaling.laws import FitSettings, FloatArray, Law
from ladderscope.scaling.result import Estimate, PairDifference


def slope_difference(law: Law, first: FittedGroup, second: FittedGroup, settings: FitSettings) -> PairDifference:
    """Slope of ``first`` minus slope of ``second``, the groups resampled independently of each other."""
    a, b = first.fit, second.fit
    return PairDifference(
        first=a.name,
        second=b.name,
        local_slope=_difference((a.local_slope, first.slope_draws), (b.local_slope, second.slope_draws), settings),
        law_slope=_difference(_law_slope(law, first), _law_slope(law, second), settings),
    )


def _law_slope(law: Law, group: FittedGroup) -> tuple[Estimate, FloatArray | None]:
    slope = group.fit.parameters.get(law.slope, Estimate(reason=group.fit.reason))
    return slope, group.law_draws.parameters[law.slope] if group.law_draws else None


def _difference(
    first: tuple[Estimate, FloatArray | None], second: tuple[Estimate, FloatArray | None], settings: FitSettings
) -> Estimate:
    (a, a_draws), (b, b_draws) = first, second
    reasons = [f"cannot tell: {side.reason}" for side in (a, b) if side.reason]
    if a.value is None or b.value is None:
        return Estimate(reason=reasons[0])
    if a_draws is None or b_draws is None or reasons:
        return Estimate(a.value - b.value, reason=reasons[0])
    paired = min(len(a_draws), len(b_draws))
    return estimate(a.value - b.value, a_draws[:paired] - b_draws[:paired], None, settings)
