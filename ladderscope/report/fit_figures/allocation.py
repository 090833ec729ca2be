"""What to train with a budget: optimal parameters and tokens against compute, by each approach."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from ladderscope.report.figures.style import Drawing, new_figure
from ladderscope.report.fit_figures.lines import draw_power_line
from ladderscope.report.fit_figures.looks import log_axis
from ladderscope.scaling.results.allocation import Allocation, BudgetOptimum
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.text import format_estimate

LOOKS = {
    "envelope": ("#0072B2", "s", ":"),
    "isoflop": ("#D55E00", "o", "--"),
    "parametric": ("#009E73", "^", "-"),
}
"""Approach -> colour, marker, line."""


def draw(fit: ScalingFit) -> Drawing | None:
    """Parameters on the left, tokens on the right; ``None`` where no approach found an optimum."""
    worked = [one for one in fit.allocations if one.optima]
    if not worked:
        return None
    figure = new_figure(10, 4.8)
    left, right = figure.subplots(1, 2)
    for one in worked:
        _draw_approach(left, one, lambda optimum: optimum.params, one.params_exponent)
        _draw_approach(right, one, lambda optimum: optimum.tokens, one.tokens_exponent)
    for axes, what in ((left, "parameters"), (right, "tokens")):
        log_axis(axes, "x")
        log_axis(axes, "y")
        axes.set_xlabel("compute (FLOP)")
        axes.set_ylabel(f"optimal number of {what}")
        axes.legend(loc="upper left")
    confidence = f"{fit.confidence:.0%}"
    missing = [f"{one.approach}: {one.reason.rstrip('.')}." for one in fit.allocations if one.reason]
    return Drawing(
        figure,
        " ".join([f"Bars: {confidence} intervals; in the legend, the exponent of compute with its own.", *missing]),
    )


def _draw_approach(axes: Axes, one: Allocation, of: Callable[[BudgetOptimum], Estimate], exponent: Estimate) -> None:
    colour, marker, style = LOOKS[one.approach]
    found = [(optimum.compute, of(optimum)) for optimum in one.optima]
    at = [(compute, estimate.value) for compute, estimate in found if estimate.value]
    if not at:
        return
    for compute, estimate in found:
        if estimate.value and estimate.low and estimate.high:
            axes.plot([compute, compute], [estimate.low, estimate.high], color=colour, linewidth=1.2, alpha=0.7)
    label = f"{one.approach}: {format_estimate(exponent, '1')}"
    axes.plot(*zip(*at, strict=True), marker, color=colour, markersize=6, label=None if exponent.value else label)
    if exponent.value is not None:
        draw_power_line(axes, at, exponent.value, colour, label, style)
