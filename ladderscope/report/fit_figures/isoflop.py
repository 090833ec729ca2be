"""IsoFLOP curves: loss against parameters at each compute budget, with the parabola and its lowest point."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladderscope.report.figures.style import Drawing, new_figure
from ladderscope.report.fit_figures.lines import draw_power_line
from ladderscope.report.fit_figures.looks import log_axis
from ladderscope.scaling.results.allocation import Allocation, IsoFlop
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.text import axis_label, format_estimate, format_value

MAX_LISTED = 12


def draw(fit: ScalingFit) -> Drawing | None:
    """Parabolas on the left, their vertices against compute on the right; ``None`` without parabolas."""
    found = next((one for one in fit.allocations if one.parabolas), None)
    if found is None:
        return None
    parabolas = sorted(found.parabolas, key=lambda one: one.compute)
    figure = new_figure(10, 5.2)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    colours = [mpl.colormaps["viridis"](place) for place in np.linspace(0, 0.88, len(parabolas))]
    for one, colour in zip(parabolas, colours, strict=True):
        _draw_parabola(left, one, colour)
    log_axis(left, "x")
    left.set_xlabel("parameters")
    left.set_ylabel(axis_label(fit.y))
    _draw_vertices(right, found, parabolas, colours)
    _add_legend(figure, left, len(parabolas))
    missing = [one for one in parabolas if one.optimum.value is None]
    caption = "Left: the runs of each budget with their parabola; stars are the lowest points. Right: where they lie."
    if missing:
        reasons = "; ".join(f"{format_value(one.compute, 'FLOP')}: {one.optimum.reason}" for one in missing)
        caption += f" Without a lowest point: {reasons}."
    return Drawing(figure, caption)


def _draw_parabola(axes: Axes, one: IsoFlop, colour: tuple[float, ...]) -> None:
    axes.scatter(one.params, one.loss, s=22, color=[colour], label=format_value(one.compute, "FLOP"), zorder=3)
    ends = [min(one.params), max(one.params), *([one.optimum.value] if one.optimum.value else [])]
    x = np.geomspace(min(ends), max(ends), 100)
    axes.plot(x, _parabola(one, x), color=colour, linewidth=1.5)
    if one.optimum.value:
        star = float(_parabola(one, np.array([one.optimum.value]))[0])
        axes.plot([one.optimum.value], [star], "*", color=colour, markersize=14, markeredgecolor="#222222", zorder=4)


def _parabola(one: IsoFlop, params: np.ndarray) -> np.ndarray:
    z = np.log(params) - one.centre
    c0, c1, c2 = one.coefficients
    return np.asarray(c0 + c1 * z + c2 * z**2)


def _draw_vertices(axes: Axes, found: Allocation, parabolas: list[IsoFlop], colours: list[tuple[float, ...]]) -> None:
    at = [(one.compute, one.optimum.value) for one in parabolas if one.optimum.value]
    for one, colour in zip(parabolas, colours, strict=True):
        best = one.optimum
        if best.value is None:
            continue
        if best.low is not None and best.high is not None:
            axes.plot([one.compute] * 2, [best.low, best.high], color=colour, linewidth=1.5)
        axes.plot([one.compute], [best.value], "*", color=colour, markersize=12, markeredgecolor="#222222")
    if found.params_exponent.value is not None and at:
        label = f"$N^* \\sim C^a$, a = {format_estimate(found.params_exponent, '1')}"
        draw_power_line(axes, at, found.params_exponent.value, "#222222", label)
        axes.legend(loc="upper left")
    log_axis(axes, "x")
    log_axis(axes, "y")
    axes.set_xlabel("compute (FLOP)")
    axes.set_ylabel("optimal number of parameters")


def _add_legend(figure: Figure, axes: Axes, n: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    every = -(-n // MAX_LISTED)
    figure.legend(handles[::every], labels[::every], loc="outside upper center", ncols=6, title="compute budget")
