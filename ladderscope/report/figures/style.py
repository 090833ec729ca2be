"""How every figure looks, and how it becomes PNG and SVG. No state of pyplot is touched."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

PNG_DPI = 160

_STYLE: Any = {  # keys are literals in some versions of the stubs, text in others
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    # A fixed salt makes the same records give the same bytes.
    "svg.hashsalt": "ladderscope",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished figure and the sentences that belong under it."""

    figure: Figure
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFigure:
    """A figure as files."""

    name: str
    title: str
    caption: str
    png: bytes
    svg: bytes


@contextmanager
def report_style() -> Iterator[None]:
    """The style of the report's figures, for drawing and for saving."""
    with mpl.rc_context(_STYLE):
        yield


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure whose parts are laid out without overlaps."""
    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def rendered(name: str, title: str, drawing: Drawing) -> RenderedFigure:
    """``drawing`` as files, within :func:`report_style`."""
    png, svg = to_png(drawing.figure), to_svg(drawing.figure)
    return RenderedFigure(name=name, title=title, caption=drawing.caption, png=png, svg=svg)


def to_png(figure: Figure) -> bytes:
    """The figure as PNG."""
    return _save(figure, format="png", dpi=PNG_DPI)


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG with its text as outlines, so that it looks alike everywhere."""
    return _save(figure, format="svg", metadata={"Date": None, "Creator": None})


def _save(figure: Figure, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, **options)
    return buffer.getvalue()
