"""The figures of a report, one per file. A new figure is one file and one entry in :data:`FIGURES`."""

from __future__ import annotations

from ladderscope.report.data import ReportData
from ladderscope.report.figures import flops_bars, loss_compute, loss_steps, memory_bars, memory_length
from ladderscope.report.figures.spec import FigureSpec, render_all
from ladderscope.report.figures.style import RenderedFigure

__all__ = ["FIGURES", "RenderedFigure", "render_figures"]


FIGURES: tuple[FigureSpec[ReportData], ...] = (
    FigureSpec("memory_by_method", "Peak memory by method", memory_bars.draw),
    FigureSpec("loss_by_step", "Loss by step", loss_steps.draw),
    FigureSpec("loss_by_compute", "Loss by compute", loss_compute.draw),
    FigureSpec("memory_by_length", "Peak memory by sequence length", memory_length.draw),
    FigureSpec("flops_by_method", "FLOPs by method", flops_bars.draw),
)


def render_figures(data: ReportData) -> list[RenderedFigure]:
    """Every figure that the records give something for."""
    return render_all(FIGURES, data)
