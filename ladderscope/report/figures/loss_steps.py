"""Loss of each run against the optimizer step, a panel for each sequence length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ladderscope.records import Record
from ladderscope.report.data import RANDOM_WEIGHTS, ReportData
from ladderscope.report.figures.panels import add_legend, first_panels, new_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.report.palette import LINE_STYLES, method_colour

SMOOTHING_STEPS = 5


def draw(data: ReportData) -> Drawing | None:
    """The loss curves, or ``None`` where no record holds a loss."""
    records = [record for record in data.curves if record.loss]
    panels, remark = first_panels(list(dict.fromkeys(_panel_of(record) for record in records)), "panels")
    if not panels:
        return None
    several_models = len({model for model, _ in panels}) > 1
    styles = _line_styles(records)
    figure, axes = new_panels(len(panels), share_y=not several_models)
    for axis, panel in zip(axes, panels, strict=True):
        _draw_panel(axis, [record for record in records if _panel_of(record) == panel], styles)
        model, seq_len = panel
        axis.set_title(f"{model}, {seq_len} tokens" if several_models else f"{seq_len} tokens")
        axis.set_xlabel("optimizer step")
        axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes[0].set_ylabel("training loss (nats per token)")
    add_legend(figure, axes)
    return Drawing(figure, _caption(data, remark))


def _panel_of(record: Record) -> tuple[str, int]:
    return (record.cell.model, record.cell.seq_len)


def _line_styles(records: Sequence[Record]) -> dict[str, str]:
    """A line style for each width (rank or reduction factor) of a method."""
    styles: dict[str, str] = {}
    widths: dict[str, int] = {}
    for record in records:
        label = record.cell.method_label
        if label not in styles:
            place = widths.get(record.cell.method, 0)
            styles[label] = LINE_STYLES[place % len(LINE_STYLES)]
            widths[record.cell.method] = place + 1
    return styles


def _draw_panel(axis: Axes, records: Sequence[Record], styles: dict[str, str]) -> None:
    for record in records:
        label = record.cell.method_label
        colour = method_colour(record.cell.method)
        steps = np.arange(1, len(record.loss) + 1)
        axis.plot(steps, record.loss, color=colour, linewidth=0.8, alpha=0.35)
        smooth = _smoothed(record.loss)
        axis.plot(steps, smooth, color=colour, linestyle=styles[label], linewidth=1.8, label=label)


def _smoothed(loss: Sequence[float]) -> list[float]:
    """The mean over a window around each step; it shrinks towards the ends, so that it never lags behind."""
    halves = [min(SMOOTHING_STEPS // 2, i, len(loss) - 1 - i) for i in range(len(loss))]
    return [float(np.mean(loss[i - half : i + half + 1])) for i, half in enumerate(halves)]


def _caption(data: ReportData, remark: str) -> str:
    sentences = [f"Thin lines: the loss of each training batch. Thick lines: its mean over {SMOOTHING_STEPS} steps."]
    if data.has_random_weights:
        sentences.append(f"{RANDOM_WEIGHTS.capitalize()}.")
    return " ".join(filter(None, [*sentences, remark, data.on_runs]))
