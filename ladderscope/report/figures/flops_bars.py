"""FLOPs of one training step, split into components."""

from __future__ import annotations

from ladderscope.report.data import ReportData
from ladderscope.report.figures.bars import Stack, draw_bars, shown
from ladderscope.report.figures.style import Drawing
from ladderscope.report.palette import COMPONENT_COLOURS
from ladderscope.units import format_flops

GIGA = 1e9


def draw(data: ReportData) -> Drawing | None:
    """The FLOP bars, or ``None`` where no record holds FLOPs. A prediction counts the same, so it is left out."""
    measured = [record for record in data.ok if record.flops and record.meter != "predict"]
    records, remark = shown(measured or [record for record in data.ok if record.flops])
    if not records:
        return None
    flops = [record.flops for record in records if record.flops]
    stack = Stack(
        parts=[{name: count / GIGA for name, count in counts.by_component.items()} for counts in flops],
        totals=[format_flops(counts.per_step) for counts in flops],
        colours=COMPONENT_COLOURS,
        axis_label="FLOPs of one optimizer step (GFLOP)",
    )
    caption = f"Adapter, side network and head hold forward and backward together. {remark}"
    return Drawing(draw_bars(records, stack), caption.strip())
