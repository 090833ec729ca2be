"""The figure of the README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ladderscope.report.palette import method_colour
from ladderscope.studies.bases import PUBLISHED
from ladderscope.studies.findings import Figure

from .sizes import DECIDES, OTHER, Pair, Place

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def pairs_figure(pairs: Mapping[Place, Pair], beside: Mapping[Place, Pair]) -> Figure:
    """QLoRA over QST, published against ours in both dtypes."""
    rows = {place: index for index, place in enumerate(pairs)}
    others = {place: pair for place, pair in beside.items() if place in rows}

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        colour = method_colour("qst")
        published = [pair.published for pair in pairs.values()]
        axes.scatter(published, list(rows.values()), color="#222222", marker="x", label="published")
        axes.scatter([p.own for p in pairs.values()], list(rows.values()), color=colour, label=f"ours, {DECIDES}")
        axes.scatter(
            [pair.own for pair in others.values()],
            [rows[place] for place in others],
            edgecolors=colour,
            facecolors="none",
            label=f"ours, {OTHER}",
        )
        axes.set_yticks(list(rows.values()), [f"{model}, {where}" for where, model in rows])
        axes.invert_yaxis()
        axes.axvline(1, color="#999999", lw=0.8)
        axes.set_xlabel("memory of QLoRA over that of QST")
        canvas.legend(loc="outside upper center", ncols=3)

    caption = (
        f"Crosses are the paper's own values, full circles ours with adapters in {DECIDES}, empty ones in {OTHER}."
    )
    bases = frozenset({PUBLISHED, *(pair.basis for pair in [*pairs.values(), *others.values()])})
    return Figure("pairs", "QLoRA's memory over QST's", caption, draw, (7.5, 5.0), bases)
