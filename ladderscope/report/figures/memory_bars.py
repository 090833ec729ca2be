"""Peak memory of each cell, split into categories."""

from __future__ import annotations

from ladderscope.report.data import ReportData
from ladderscope.report.figures.bars import Stack, draw_bars, shown
from ladderscope.report.figures.style import Drawing
from ladderscope.report.palette import CATEGORY_COLOURS
from ladderscope.units import MIB, format_bytes


def draw(data: ReportData) -> Drawing | None:
    """The memory bars, or ``None`` where no record holds memory."""
    records, remark = shown([record for record in data.ok if record.memory])
    if not records:
        return None
    memories = [record.memory for record in records if record.memory]
    stack = Stack(
        parts=[{name: size / MIB for name, size in memory.breakdown_bytes.items()} for memory in memories],
        totals=[format_bytes(memory.peak_allocated_bytes) for memory in memories],
        colours=CATEGORY_COLOURS,
        axis_label="peak allocated memory of one training step (MiB)",
    )
    caption = f"What is allocated at the moment of the peak. {remark}"
    return Drawing(draw_bars(records, stack), caption.strip())
