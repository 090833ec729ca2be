"""Ratios of slopes with their intervals against the margin: what lies inside of the band is equivalent."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from ladderscope.report.figures.style import Drawing, new_figure
from ladderscope.scaling.columns import ratio_of
from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison, Verdict
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.text import equivalence_confidence

VERDICT_COLOURS: dict[Verdict, str] = {"equivalent": "#009E73", "different": "#D55E00", "inconclusive": "#666666"}
VERDICT_MARKERS: dict[Verdict, str] = {"equivalent": "o", "different": "D", "inconclusive": "s"}
SMALLEST_SHOWN, LARGEST_SHOWN = -1.0, 3.0
ROW_INCHES = 0.34
PAIR_GAP = 0.7

Row = tuple[float, MethodComparison, SlopeComparison, bool]


def draw(fit: ScalingFit) -> Drawing | None:
    """A row for each pair and slope, or ``None`` where no interval of a ratio was found."""
    rows = _rows(fit)
    if not rows:
        return None
    height = rows[-1][0]
    figure = new_figure(9, 1.6 + ROW_INCHES * (height + 1))
    axes = figure.add_subplot()
    left, right = _limits(rows)
    for place, pair, slope, _ in rows:
        axes.fill_between(
            [1 - pair.margin, 1 + pair.margin], place - 0.5, place + 0.5, color="#0072B2", alpha=0.12, linewidth=0
        )
        _draw_row(axes, place, slope, left, right)
    axes.axvline(1, color="#222222", linewidth=1, zorder=1)
    labels = [_label(pair, slope, first) for _, pair, slope, first in rows]
    axes.set_yticks([place for place, *_ in rows], labels)
    axes.set_ylim(height + 0.7, -0.7)
    axes.set_xlim(left, right)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"ratio of slopes, first / second, with its {equivalence_confidence(fit.confidence)} interval")
    for place, _, slope, _ in rows:
        axes.annotate(
            slope.verdict,
            (1, place),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=VERDICT_COLOURS[slope.verdict],
        )
    return Drawing(figure, _caption(rows))


def _rows(fit: ScalingFit) -> list[Row]:
    found: list[Row] = []
    place = 0.0
    for pair in fit.comparisons:
        drawn = [slope for slope in pair.slopes if slope.equivalence_interval and ratio_of(slope) is not None]
        for number, slope in enumerate(drawn):
            found.append((place, pair, slope, number == 0))
            place += 1
        place += PAIR_GAP if drawn else 0
    return found


def _limits(rows: list[Row]) -> tuple[float, float]:
    """The axis holds all intervals, unless one of them reaches so far that the margin would be a line."""
    ends = [end for *_, slope, _ in rows for end in slope.equivalence_interval or () if math.isfinite(end)]
    ratios = [ratio for *_, slope, _ in rows if (ratio := ratio_of(slope)) is not None]
    margin = max(pair.margin for _, pair, *_ in rows)
    low = min([*ends, *ratios, 1 - 1.5 * margin])
    high = max([*ends, *ratios, 1 + 1.5 * margin])
    low, high = max(low, SMALLEST_SHOWN), min(high, LARGEST_SHOWN)
    room = 0.05 * (high - low)
    return low - room, high + room


def _draw_row(axes: Axes, place: float, slope: SlopeComparison, left: float, right: float) -> None:
    assert slope.equivalence_interval is not None
    ratio = ratio_of(slope)
    low, high = slope.equivalence_interval
    colour = VERDICT_COLOURS[slope.verdict]
    shown = max(low, left), min(high, right)
    axes.plot(shown, [place, place], color=colour, linewidth=2, solid_capstyle="butt")
    if low < left:
        axes.plot([left], [place], marker=4, color=colour, markersize=9, clip_on=False)
    if high > right:
        axes.plot([right], [place], marker=5, color=colour, markersize=9, clip_on=False)
    if ratio is not None and left <= ratio <= right:
        axes.plot([ratio], [place], marker=VERDICT_MARKERS[slope.verdict], color=colour, markersize=7)


def _label(pair: MethodComparison, slope: SlopeComparison, first: bool) -> str:
    return f"{pair.first} / {pair.second}: {slope.estimand}" if first else slope.estimand


def _caption(rows: list[Row]) -> str:
    margins = sorted({f"{1 - pair.margin:.3g} to {1 + pair.margin:.3g}" for _, pair, *_ in rows})
    return (
        f"Shaded: the margin that was stated beforehand ({', '.join(margins)}). Slopes are equivalent where the whole "
        "interval lies inside of it; the first slope of a pair decides its verdict."
    )
