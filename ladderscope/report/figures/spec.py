"""What a figure is made from: an entry in a list, whatever data it draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ladderscope.report.figures.style import Drawing, RenderedFigure, rendered, report_style

_Data = TypeVar("_Data")


@dataclass(frozen=True, slots=True)
class FigureSpec(Generic[_Data]):
    """A figure: the name of its files, its title, and what draws it (``None`` where the data hold nothing for it)."""

    name: str
    title: str
    draw: Callable[[_Data], Drawing | None]


def render_all(
    specs: Sequence[FigureSpec[_Data]], data: _Data, finish: Callable[[Drawing], None] | None = None
) -> list[RenderedFigure]:
    """Every figure of ``specs`` that ``data`` give something for; ``finish`` has the last word on each drawing."""
    found = []
    with report_style():
        for spec in specs:
            drawing = spec.draw(data)
            if drawing is None:
                continue
            if finish is not None:
                finish(drawing)
            found.append(rendered(spec.name, spec.title, drawing))
    return found
