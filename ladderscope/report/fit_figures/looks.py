"""What the figures of a fit share: colours and markers of groups, axes that read well, units of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from ladderscope.report.palette import METHOD_COLOURS, method_of_group
from ladderscope.scaling.points import BoolArray, FloatArray
from ladderscope.scaling.results.scaling_fit import AxisInfo, GroupFit, ScalingFit
from ladderscope.scaling.text import axis_label
from ladderscope.units import GIB, KIB, MIB

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#8C6D31")
"""Okabe and Ito's palette, without the yellow that white paper swallows."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
LOG_RATIO = 5.0
"""Positive values that span more than this go on a log axis."""
MANY_POINTS = 60
MOST_TICKS = 7
LEGEND_LETTERS = 46


@dataclass(frozen=True, slots=True)
class Looks:
    """How a group is drawn: its marker too, so that no figure leans on colour alone."""

    colour: str
    marker: str


def looks_of(fit: ScalingFit) -> dict[str, Looks]:
    """Group -> looks: methods have the colours that they have everywhere, anything else gets them by turns."""
    names = [group.name for group in fit.groups]
    methods = [method_of_group(name) for name in names]
    told_apart = len(set(methods)) == len(methods) and all(method in METHOD_COLOURS for method in methods)
    colours = [METHOD_COLOURS[m] if told_apart else COLOURS[i % len(COLOURS)] for i, m in enumerate(methods)]
    return {
        name: Looks(colour, MARKERS[place % len(MARKERS)])
        for place, (name, colour) in enumerate(zip(names, colours, strict=True))
    }


def response_scale(axis: AxisInfo, values: Sequence[float]) -> tuple[float, str]:
    """What to divide responses by, and the label of their axis."""
    if axis.unit != "bytes":
        return 1.0, axis_label(axis)
    largest = max(values, default=0.0)
    size, name = next(((s, n) for s, n in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")) if largest >= s), (1, "B"))
    return float(size), axis_label(axis, name)


@dataclass(frozen=True, slots=True)
class Columns:
    """The points of a group as arrays of the same length; ``predicted`` and ``residual`` are empty without a fit."""

    x: dict[str, FloatArray]
    y: FloatArray
    predicted: FloatArray
    residual: FloatArray
    censored: BoolArray


def columns(group: GroupFit) -> Columns:
    """The points of ``group``, of which there must be some."""
    points = group.fit.points
    assert points is not None
    return Columns(
        {name: np.array(values, dtype=np.float64) for name, values in points.x.items()},
        np.array(points.y, dtype=np.float64),
        np.array(points.predicted, dtype=np.float64),
        np.array(points.residual, dtype=np.float64),
        np.array(points.censored, dtype=np.bool_),
    )


def draw_points(axes: Axes, x: FloatArray, y: FloatArray, looks: Looks, label: str | None) -> None:
    """Points of a group; smaller where there are many."""
    axes.scatter(
        x,
        y,
        s=30 if len(y) <= MANY_POINTS else 12,
        marker=looks.marker,
        color=looks.colour,
        edgecolors="white",
        linewidths=0.5,
        label=label,
        zorder=3,
    )


def log_axis(axes: Axes, which: str) -> None:
    """A log axis; where it spans less than two decades, its ticks are plain numbers such as 2, 3, 5."""
    setter, axis = (axes.set_xscale, axes.xaxis) if which == "x" else (axes.set_yscale, axes.yaxis)
    setter("log")
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    if high / low < 100:
        axis.set_major_locator(FixedLocator(plain_ticks(low, high, MOST_TICKS)))
        axis.set_major_formatter(FuncFormatter(_tick_text))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_minor_formatter(NullFormatter())


def plain_ticks(low: float, high: float, at_most: int) -> list[float]:
    """Round numbers between ``low`` and ``high``, evenly spread on a log axis, ``at_most`` of them."""
    ladders = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), tuple(np.arange(1.0, 10.0, 0.5)))
    finest = [*ladders, *(tuple(np.arange(1.0, 10.0, step)) for step in (0.2, 0.1, 0.05, 0.02, 0.01))]
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    best: list[float] = []
    for ladder in finest:
        ticks = [m * 10.0**e for e in exponents for m in ladder if low <= m * 10.0**e <= high]
        if len(ticks) > at_most:
            break
        best = ticks
    return best


def _tick_text(value: float, _: int) -> str:
    if 1e-4 <= value < 1e6:
        return f"{value:.6g}"
    exponent = int(np.floor(np.log10(value) + 1e-9))
    mantissa = value / 10.0**exponent
    return f"$10^{{{exponent}}}$" if abs(mantissa - 1) < 1e-6 else f"${mantissa:.3g}\\times10^{{{exponent}}}$"


def spread(values: FloatArray) -> bool:
    """Whether ``values`` ask for a log axis."""
    return bool(len(values) and values.min() > 0 and values.max() / values.min() > LOG_RATIO)


def short(text: str) -> str:
    """``text`` cut to what a legend holds."""
    return text if len(text) <= LEGEND_LETTERS else f"{text[: LEGEND_LETTERS - 3]}..."
