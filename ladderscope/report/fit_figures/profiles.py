"""Profiles: how much worse the objective gets when a parameter is held elsewhere and the others may follow."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ladderscope.report.figures.panels import add_legend, first_panels, new_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.report.fit_figures.looks import log_axis, looks_of, short, spread
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.text import parameter_names, parameter_unit

PANELS_PER_ROW = 2
HIGHEST = 3.0
"""In units of the threshold; the interval ends at 1."""


def draw(fit: ScalingFit) -> Drawing | None:
    """A panel for each parameter with a curve for each group; ``None`` where no profile was computed."""
    profiled = {name for group in fit.groups for name in group.fit.profiles}
    names, remark = first_panels([name for name in parameter_names(fit) if name in profiled], "parameters")
    if not names:
        return None
    figure, panels = new_panels(len(names), share_y=True, per_row=PANELS_PER_ROW)
    for panel, name in zip(panels, names, strict=True):
        _draw_panel(panel, fit, name)
    for panel in panels[::PANELS_PER_ROW]:
        panel.set_ylabel("objective above its minimum,\nin units of the threshold")
    add_legend(figure, panels)
    sentence = (
        f"The {fit.confidence:.0%} interval is where a curve lies below the dashed threshold; a curve that does not "
        "come up to it on one side has no end there, and the data do not identify the parameter. Dots: the estimates."
    )
    return Drawing(figure, f"{sentence} {remark}".strip())


def _draw_panel(panel: Axes, fit: ScalingFit, name: str) -> None:
    looks = looks_of(fit)
    values = []
    for group in fit.groups:
        curve = group.fit.profiles.get(name)
        if curve is None or not curve.threshold:
            continue
        height = np.asarray(curve.objective) / curve.threshold
        x = np.asarray(curve.value)
        shown = height <= 1.5 * HIGHEST
        panel.plot(x[shown], height[shown], color=looks[group.name].colour, linewidth=1.8, label=short(group.name))
        panel.plot([group.fit.parameters[name].value], [0], "o", color=looks[group.name].colour, markersize=4)
        values.append(x[shown])
    panel.axhline(1, color="#666666", linestyle="--", linewidth=1)
    panel.set_ylim(-0.1, HIGHEST)
    if values and spread(np.concatenate(values)):
        log_axis(panel, "x")
    else:
        panel.locator_params(axis="x", nbins=5)
    unit = parameter_unit(fit, name)
    panel.set_xlabel(name if unit in ("", "1") else f"{name} ({unit})", fontsize=9)
