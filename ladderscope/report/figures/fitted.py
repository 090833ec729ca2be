"""Points with the fitted law through them, a panel for each model: what the two scaling figures share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladderscope.records import Record
from ladderscope.report.figures.panels import add_legend, new_panels
from ladderscope.report.palette import method_colour, method_of_group
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit

MAX_MARKERS = 20_000
"""Points of a figure that stay shapes in its SVG; more of them are pixels, or the file would take megabytes."""
PointsOf = Callable[[Record], tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPanel:
    """One panel: a fit, the records behind it, and where their points are. y is divided by ``y_unit``."""

    title: str
    fit: ScalingFit
    records: Sequence[Record]
    points_of: PointsOf
    y_unit: float = 1.0


def draw_fitted(panels: Sequence[FittedPanel], x_label: str, y_label: str, slope: Callable[[GroupFit], str]) -> Figure:
    """The panels; ``slope`` says in the legend what was fitted to a group, where there is but one panel."""
    figure, axes = new_panels(len(panels), share_y=False)

    def label(group: GroupFit) -> str:
        return f"{group.name}: {slope(group)}" if len(panels) == 1 else group.name

    num_points = sum(len(panel.points_of(record)[0]) for panel in panels for record in panel.records)
    for axis, panel in zip(axes, panels, strict=True):
        for record in panel.records:
            _draw_points(axis, panel, record, as_pixels=num_points > MAX_MARKERS)
        for group in panel.fit.groups:
            _draw_curve(axis, group, panel.y_unit, label(group))
        axis.set_title(panel.title)
        axis.set_xlabel(x_label)
    axes[0].set_ylabel(y_label)
    add_legend(figure, axes)
    return figure


def _draw_points(axis: Axes, panel: FittedPanel, record: Record, *, as_pixels: bool) -> None:
    x, y = panel.points_of(record)
    colour = method_colour(record.cell.method)
    face = "none" if record.meter == "predict" else colour
    size, alpha = (26, 1.0) if len(x) == 1 else (8, 0.45)
    looks: dict[str, Any] = {"s": size, "facecolors": face, "edgecolors": colour, "alpha": alpha}
    axis.scatter(x, np.asarray(y) / panel.y_unit, rasterized=as_pixels, **looks)


def _draw_curve(axis: Axes, group: GroupFit, y_unit: float, label: str) -> None:
    colour = method_colour(method_of_group(group.name))
    curve = group.fit.mean_band
    if curve is None:
        axis.plot([], [], color=colour, linestyle="none", marker="o", markersize=4, label=label)
        return
    axis.plot(curve.x, np.asarray(curve.y) / y_unit, color=colour, linewidth=1.8, label=label)
    if curve.low:
        low, high = np.asarray(curve.low) / y_unit, np.asarray(curve.high) / y_unit
        axis.fill_between(curve.x, low, high, color=colour, alpha=0.2, linewidth=0)


def band_sentence(fits: Sequence[ScalingFit]) -> str:
    """Which groups have a band, and why the others have none."""
    groups = [group for fit in fits for group in fit.groups]
    with_band = [group for group in groups if group.fit.mean_band and group.fit.mean_band.low]
    if not with_band:
        return "No bands: no group has runs enough for an interval."
    method = f"{fits[0].confidence:.0%} intervals of the mean over runs"
    if len(with_band) == len(groups):
        return f"Bands: {method}."
    return f"Bands where there are runs enough: {method}."
