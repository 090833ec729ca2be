"""Predicted against measured, for laws of several predictors: what lies on the diagonal is right."""

from __future__ import annotations

from ladderscope.report.figures.panels import add_legend, new_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.report.fit_figures.looks import columns, draw_points, log_axis, looks_of, response_scale, short
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.text import format_deviation, is_relative


def draw(fit: ScalingFit) -> Drawing | None:
    """The points of every group, or ``None`` where one predictor says it better, or nothing was fitted."""
    groups = [group for group in fit.groups if group.fit.points and group.fit.points.predicted]
    if len(fit.x) < 2 or not groups:
        return None
    y_unit, y_label = response_scale(fit.y, [y for g in groups if g.fit.points for y in g.fit.points.y])
    figure, (axes,) = new_panels(1, share_y=False)
    figure.set_size_inches(7.5, 6.2)
    ends: list[float] = []
    for group in groups:
        looks, points = looks_of(fit)[group.name], columns(group)
        y, predicted = points.y / y_unit, points.predicted / y_unit
        seen = ~points.censored
        label = short(f"{group.name}: rmsd {format_deviation(group.fit, fit.y.unit)}")
        draw_points(axes, y[seen], predicted[seen], looks, label)
        axes.scatter(y[~seen], predicted[~seen], s=90, marker="$\\rightarrow$", color=looks.colour, zorder=3)
        ends += [*y, *predicted]
    low, high = min(ends), max(ends)
    axes.plot([low, high], [low, high], color="#666666", linewidth=1, zorder=1)
    if all(is_relative(group.fit) for group in groups) and low > 0:
        log_axis(axes, "x")
        log_axis(axes, "y")
    axes.set_aspect("equal")
    axes.set_xlabel(f"measured {y_label}")
    axes.set_ylabel(f"predicted {y_label}")
    add_legend(figure, [axes])
    named = ", ".join(axis.label for axis in fit.x)
    return Drawing(figure, f"{fit.formula} from {named}, on the points that it was fitted to; the line is agreement.")
