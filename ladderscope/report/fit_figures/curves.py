"""Points of one predictor with the fitted law, its band for the mean and its band for a new run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ladderscope.errors import UsageError
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
from ladderscope.scaling.text import axis_label, format_parameter, is_identified
from ladderscope.scaling.uncertainty.reloaded import predict

BEYOND = 2.0
"""How far lines go beyond the largest x of all groups."""
BEYOND_POINTS = 30
MEAN_ALPHA, NEW_RUN_ALPHA = 0.28, 0.12


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
    reach = BEYOND * max(float(columns(group).x[x.name].max()) for group in groups)
    for group in groups:
        _draw_curve(axes, group, reach, y_unit, looks[group.name].colour)
    for group in groups:
        _draw_group(axes, group, x.name, y_unit, looks[group.name], _label(fit, group))
    _set_axes(axes, fit, groups)
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


def _draw_curve(axes: Axes, group: GroupFit, reach: float, y_unit: float, colour: str) -> None:
    fit = group.fit
    for band, alpha in ((fit.new_run_band, NEW_RUN_ALPHA), (fit.mean_band, MEAN_ALPHA)):
        if band and band.low:
            _fill(axes, band, y_unit, colour, alpha)
    curve = fit.mean_band or fit.new_run_band
    if curve is None:
        return
    axes.plot(curve.x, np.asarray(curve.y) / y_unit, color=colour, linewidth=1.8, zorder=2)
    beyond = _beyond(group, curve.x[-1], reach)
    if beyond is not None:
        axes.plot(beyond.x, np.asarray(beyond.y) / y_unit, color=colour, linestyle="--", linewidth=1.8, zorder=2)
        _fill(axes, beyond, y_unit, colour, MEAN_ALPHA)


def _fill(axes: Axes, band: Band, y_unit: float, colour: str, alpha: float) -> None:
    low, high = np.asarray(band.low) / y_unit, np.asarray(band.high) / y_unit
    axes.fill_between(band.x, low, high, color=colour, alpha=alpha, linewidth=0)


def _beyond(group: GroupFit, start: float, end: float) -> Band | None:
    """The law from where its curve ends, with the band of its mean; ``None`` for a law that is not ladderscope's."""
    try:
        x = np.geomspace(start, end, BEYOND_POINTS)
        y, low, high = predict(group.fit, x)
    except UsageError:
        return None
    return Band(x=x.tolist(), y=y.tolist(), low=low.tolist(), high=high.tolist())


def _set_axes(axes: Axes, fit: ScalingFit, groups: list[GroupFit]) -> None:
    """Log axes for a loss over scales; memory is a sum of parts, which is straight on axes that start at zero."""
    if fit.y.unit == "bytes":
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    elif spread(np.concatenate([columns(group).x[fit.x[0].name] for group in groups])):
        log_axis(axes, "x")
        log_axis(axes, "y")


def _caption(fit: ScalingFit, groups: list[GroupFit]) -> str:
    sentences = [f"Lines: {fit.formula}, dashed beyond the points it was fitted to."]
    if any(group.fit.mean_band and group.fit.mean_band.low for group in groups):
        sentences.append(
            f"Dark bands: {fit.confidence:.0%} for the mean of runs; light bands: for the points of a new run."
        )
    if any(group.fit.n_censored for group in groups):
        sentences.append("Arrows: at least that much, because memory ran out.")
    return " ".join(sentences)
