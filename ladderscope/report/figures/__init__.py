"""The figures of a report, one per file. A new figure is one file and one entry in :data:`FIGURES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ladderscope.report.data import ReportData
from ladderscope.report.figures import flops_bars, loss_compute, loss_steps, memory_bars, memory_length
from ladderscope.report.figures.style import Drawing, report_style, to_png, to_svg

__all__ = ["FIGURES", "RenderedFigure", "render_figures"]


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """A figure: the name of its files, its title, and what draws it (``None`` where the records hold nothing)."""

    name: str
    title: str
    draw: Callable[[ReportData], Drawing | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFigure:
    """A figure as files."""

    name: str
    title: str
    caption: str
    png: bytes
    svg: bytes


FIGURES = (
    FigureSpec("memory_by_method", "Peak memory by method", memory_bars.draw),
    FigureSpec("loss_by_step", "Loss by step", loss_steps.draw),
    FigureSpec("loss_by_compute", "Loss by compute", loss_compute.draw),
    FigureSpec("memory_by_length", "Peak memory by sequence length", memory_length.draw),
    FigureSpec("flops_by_method", "FLOPs by method", flops_bars.draw),
)


def render_figures(data: ReportData) -> list[RenderedFigure]:
    """Every figure that the records give something for."""
    rendered = []
    with report_style():
        for spec in FIGURES:
            drawing = spec.draw(data)
            if drawing is not None:
                rendered.append(_rendered(spec, drawing))
    return rendered


def _rendered(spec: FigureSpec, drawing: Drawing) -> RenderedFigure:
    return RenderedFigure(
        name=spec.name,
        title=spec.title,
        caption=drawing.caption,
        png=to_png(drawing.figure),
        svg=to_svg(drawing.figure),
    )
