"""The figure of the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladderscope.report.palette import method_colour
from ladderscope.studies.findings import Basis, Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def pairs_figure(ratios: Mapping[tuple[str, str], Sequence[tuple[float, float, Basis]]]) -> Figure:
    """QLoRA over QST, published against predicted."""
    found = {place: values[0] for place, values in ratios.items() if values}

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        places = range(len(found))
        axes.scatter([v[0] for v in found.values()], places, color="#222222", marker="x", label="published")
        axes.scatter([v[1] for v in found.values()], places, color=method_colour("qst"), label="ours")
        axes.set_yticks(list(places), [f"{model}, {where}" for where, model in found])
        axes.invert_yaxis()
        axes.axvline(1, color="#999999", lw=0.8)
        axes.set_xlabel("memory of QLoRA over that of QST")
        canvas.legend(loc="outside upper center", ncols=2)

    caption = "Circles are predicted, crosses are the paper's own values."
    return Figure("pairs", "QLoRA's memory over QST's", caption, draw, (7.5, 5.0))
