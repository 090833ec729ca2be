"""What is left of the loss above the fitted offset: on log axes a power law with offset is a straight line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from ladderscope.report.figures.panels import add_legend, new_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.report.fit_figures.looks import Looks, columns, draw_points, log_axis, looks_of, short, spread
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.text import NOT_IDENTIFIED, axis_label, format_value, is_identified

OFFSET = "E"


def draw(fit: ScalingFit) -> Drawing | None:
    """The reducible loss of every group, or ``None`` where the law has no offset or more than one predictor."""
    groups = [group for group in fit.groups if OFFSET in group.fit.parameters and group.fit.points]
    if len(fit.x) != 1 or not groups or fit.y.unit == "bytes":
        return None
    figure, (axes,) = new_panels(1, share_y=False)
    figure.set_size_inches(8, 5.4)
    below = sum(_draw_group(axes, group, fit.x[0].name, looks_of(fit)[group.name], fit.y.unit) for group in groups)
    log_axis(axes, "y")
    if spread(np.concatenate([columns(group).x[fit.x[0].name] for group in groups])):
        log_axis(axes, "x")
    axes.set_xlabel(axis_label(fit.x[0]))
    axes.set_ylabel(axis_label(replace(fit.y, label=f"{fit.y.label} - E")))
    add_legend(figure, [axes])
    sentences = ["Points and law less the group's own fitted E: a straight line is a power law."]
    if below:
        sentences.append(f"{below} points lie at or below E and are not shown.")
    if any(not is_identified(group.fit, OFFSET) for group in groups):
        sentences.append("Where E is not identified, so is this figure: another E bends the line.")
    return Drawing(figure, " ".join(sentences))


def _draw_group(axes: Axes, group: GroupFit, x: str, looks: Looks, unit: str) -> int:
    """Draws points and curve; returns how many points are not above the offset."""
    offset = group.fit.parameters[OFFSET].value
    points = columns(group)
    above = points.y > offset
    found = f"= {format_value(offset, unit)}" if is_identified(group.fit, OFFSET) else NOT_IDENTIFIED
    draw_points(axes, points.x[x][above], points.y[above] - offset, looks, short(f"{group.name}: E {found}"))
    if group.fit.mean_band:
        curve = np.asarray(group.fit.mean_band.x), np.asarray(group.fit.mean_band.y) - offset
        low, high = group.fit.x_ranges.get(x, (0.0, np.inf))
        shown = (curve[1] > 0) & (curve[0] >= low) & (curve[0] <= high)
        axes.plot(curve[0][shown], curve[1][shown], color=looks.colour, linewidth=1.8)
    return int((~above).sum())
