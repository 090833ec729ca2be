"""Residuals against each predictor and the prediction, and against normal quantiles: where the law misses."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import norm

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
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.text import axis_label, is_relative

PERCENT = 100.0
PANELS_PER_ROW = 2


def draw(fit: ScalingFit) -> Drawing | None:
    """A panel for each predictor, one for the prediction, one of quantiles; ``None`` where nothing was fitted."""
    groups = [group for group in fit.groups if group.fit.points and group.fit.points.residual]
    if not groups:
        return None
    relative = all(is_relative(group.fit) for group in groups)
    y_unit, y_label = response_scale(fit.y, [y for g in groups if g.fit.points for y in g.fit.points.y])
    unit = 1 / PERCENT if relative else y_unit
    names = [axis_label(axis) for axis in fit.x]
    figure, panels = new_panels(len(fit.x) + 2, share_y=False, per_row=PANELS_PER_ROW)
    looks = looks_of(fit)
    for panel, axis in zip(panels, fit.x, strict=False):
        _against(panel, [(g, columns(g).x[axis.name]) for g in groups], unit, looks)
    _against(panels[-2], [(g, columns(g).predicted / y_unit) for g in groups], unit, looks)
    _quantiles(panels[-1], groups, unit, looks)
    for panel, name in zip(panels, [*names, f"predicted {y_label}", "normal quantile"], strict=True):
        panel.set_xlabel(name)
        panel.set_ylabel("residual (%)" if relative else f"residual of {y_label}")
    add_legend(figure, panels)
    return Drawing(figure, _caption(groups))


def _against(panel: Axes, groups: list[tuple[GroupFit, FloatArray]], unit: float, looks: dict[str, Looks]) -> None:
    panel.axhline(0, color="#666666", linewidth=1, zorder=1)
    for group, x in groups:
        seen = ~columns(group).censored
        draw_points(panel, x[seen], _residuals(group) / unit, looks[group.name], short(group.name))
    if spread(np.concatenate([x for _, x in groups])):
        log_axis(panel, "x")


def _quantiles(panel: Axes, groups: list[GroupFit], unit: float, looks: dict[str, Looks]) -> None:
    quartile = float(norm.ppf(0.75))
    for group in groups:
        ordered = np.sort(_residuals(group)) / unit
        n = len(ordered)
        expected = norm.ppf((np.arange(1, n + 1) - 0.5) / n)
        draw_points(panel, expected, ordered, looks[group.name], None)
        if n > 2:
            # Through the quartiles, so that the tails do not move the line that they are judged by.
            low, high = np.quantile(ordered, [0.25, 0.75])
            slope = (high - low) / (2 * quartile)
            ends = np.array([expected[0], expected[-1]])
            panel.plot(ends, (low + high) / 2 + slope * ends, color=looks[group.name].colour, linewidth=1)


def _residuals(group: GroupFit) -> FloatArray:
    """Measured minus predicted, so that up is up, of the points that are not censored."""
    points = columns(group)
    return -points.residual[~points.censored]


def _caption(groups: list[GroupFit]) -> str:
    sentences = [
        "Measured less predicted. A trend in a panel is a shape that the law lacks; in the last panel, normal "
        "residuals lie on the line through their quartiles."
    ]
    if any(group.fit.n_points > group.fit.n_runs for group in groups):
        sentences.append("Points of one run hang together, so runs of them are no trend.")
    if any(group.fit.n_censored for group in groups):
        sentences.append("Censored points have no residual.")
    return " ".join(sentences)
