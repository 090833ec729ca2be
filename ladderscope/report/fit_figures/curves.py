"""Points of one predictor with the fitted law, its band for the mean and its band for a new run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ladderscope.report.figures.panels import add_legend, new_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.report.fit_figures.looks import (
    Looks,
    columns,
    draw_points,
    log_axis,
    looks_of,
    response_scale,
    short,
    spread,
)
from ladderscope.scaling.results.estimates import Band
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.text import axis_label, format_parameter, is_identified, is_relative


def draw(fit: ScalingFit) -> Drawing | None:
    """The fit of every group, or ``None`` where there is more than one predictor or no point."""
    groups = [group for group in fit.groups if group.fit.points]
    if len(fit.x) != 1 or not groups:
        return None
    x = fit.x[0]
    responses = [y for group in groups if group.fit.points for y in group.fit.points.y]
    y_unit, y_label = response_scale(fit.y, responses)
    figure, (axes,) = new_panels(1, share_y=False)
    figure.set_size_inches(8, 5.4)
    looks = looks_of(fit)
    for group in groups:
        _draw_curve(axes, group, x.name, y_unit, looks[group.name].colour)
    for group in groups:
        _draw_group(axes, group, x.name, y_unit, looks[group.name], _label(fit, group))
    _set_axes(axes, groups, x.name)
    axes.set_xlabel(axis_label(x))
    axes.set_ylabel(y_label)
    add_legend(figure, [axes])
    return Drawing(figure, _caption(fit, groups))


def _label(fit: ScalingFit, group: GroupFit) -> str:
    if group.fit.reason:
        return short(f"{group.name}: not fitted")
    if not fit.slope:
        return short(f"{group.name}: {group.fit.n_runs} runs")
    equals = " =" if is_identified(group.fit, fit.slope) else ""
    return short(f"{group.name}: {fit.slope}{equals} {format_parameter(group.fit, fit.slope)}")


def _draw_group(axes: Axes, group: GroupFit, x: str, y_unit: float, looks: Looks, label: str) -> None:
    points = columns(group)
    seen = ~points.censored
    draw_points(axes, points.x[x][seen], points.y[seen] / y_unit, looks, label)
    if points.censored.any():
        at_least = points.x[x][~seen], points.y[~seen] / y_unit
        axes.scatter(*at_least, s=90, marker="$\\uparrow$", color=looks.colour, zorder=3)


def _draw_curve(axes: Axes, group: GroupFit, x: str, y_unit: float, colour: str) -> None:
    fit = group.fit
    for band, alpha in ((fit.new_run_band, 0.12), (fit.mean_band, 0.28)):
        if band and band.low:
            low, high = np.asarray(band.low) / y_unit, np.asarray(band.high) / y_unit
            axes.fill_between(band.x, low, high, color=colour, alpha=alpha, linewidth=0)
    curve = fit.mean_band or fit.new_run_band
    if curve is None:
        return
    for (low_end, high_end), style in _stretches(curve, fit.x_ranges.get(x)):
        inside = (np.asarray(curve.x) >= low_end) & (np.asarray(curve.x) <= high_end)
        axes.plot(
            np.asarray(curve.x)[inside],
            np.asarray(curve.y)[inside] / y_unit,
            color=colour,
            linestyle=style,
            linewidth=1.8,
            zorder=2,
        )


def _stretches(curve: Band, within: tuple[float, float] | None) -> list[tuple[tuple[float, float], str]]:
    """Where the curve lies within the data, and where beyond."""
    low, high = min(curve.x), max(curve.x)
    if within is None:
        return [((low, high), "-")]
    at = np.asarray(curve.x)
    # The dashes start where the line ends, at the last point of the curve within the data.
    first = float(at[at >= within[0]].min(initial=high))
    last = float(at[at <= within[1]].max(initial=low))
    return [((low, first), "--"), ((first, last), "-"), ((last, high), "--")]


def _set_axes(axes: Axes, groups: list[GroupFit], x: str) -> None:
    relative = any(is_relative(group.fit) for group in groups)
    everything = np.concatenate([columns(group).x[x] for group in groups])
    if relative and spread(everything):
        log_axis(axes, "x")
        log_axis(axes, "y")
    elif not relative:
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)


def _caption(fit: ScalingFit, groups: list[GroupFit]) -> str:
    sentences = [f"Lines: {fit.formula}, dashed beyond the points it was fitted to."]
    if any(group.fit.mean_band and group.fit.mean_band.low for group in groups):
        sentences.append(
            f"Dark bands: {fit.confidence:.0%} for the mean of runs; light bands: for the points of a new run."
        )
    if any(group.fit.n_censored for group in groups):
        sentences.append("Arrows: at least that much, because memory ran out.")
    return " ".join(sentences)
