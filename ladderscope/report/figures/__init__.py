"""The figures of a report, one per file. A new figure is one file and one entry in :data:`FIGURES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ladderscope.report.data import ReportData
from ladderscope.report.figures import flops_bars, loss_compute, loss_steps, memory_bars, memory_length
from ladderscope.report.figures.style import Drawing, RenderedFigure, rendered, report_style

__all__ = ["FIGURES", "RenderedFigure", "render_figures"]


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """A figure: the name of its files, its title, and what draws it (``None`` where the records hold nothing)."""

    name: str
    title: str
    draw: Callable[[ReportData], Drawing | None]


FIGURES = (
    FigureSpec("memory_by_method", "Peak memory by method", memory_bars.draw),
    FigureSpec("loss_by_step", "Loss by step", loss_steps.draw),
    FigureSpec("loss_by_compute", "Loss by compute", loss_compute.draw),
    FigureSpec("memory_by_length", "Peak memory by sequence length", memory_length.draw),
    FigureSpec("flops_by_method", "FLOPs by method", flops_bars.draw),
)


def render_figures(data: ReportData) -> list[RenderedFigure]:
    """Every figure that the records give something for."""
    found = []
    with report_style():
        for spec in FIGURES:
            drawing = spec.draw(data)
            if drawing is not None:
                found.append(rendered(spec.name, spec.title, drawing))
    return found
