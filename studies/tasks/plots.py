"""The figure of the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladderscope.report.palette import method_colour
from ladderscope.studies.bases import Basis
from ladderscope.studies.findings import Figure
from ladderscope.studies.intervals import mean_accuracy

from .answers import ALL, BACKBONE, TASK_NAMES, Contestant, Results
from .plan import METHODS, SAME_DATA

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_GREY = "#999999"


def accuracy_figure(results: Results, confidence: float, basis: Basis) -> Figure:
    """Accuracy with its interval, a panel for each task."""

    def draw(canvas: Canvas) -> None:
        panels = canvas.subplots(1, len(TASK_NAMES), sharey=True)
        labels = ["backbone", *METHODS]
        for axes, task in zip(panels, TASK_NAMES, strict=True):
            for who in ALL:
                found = mean_accuracy(results.answers(task, who), confidence)
                assert found.low is not None
                assert found.high is not None
                errors = [[max(0.0, found.mean - found.low)], [max(0.0, found.high - found.mean)]]
                axes.errorbar([_place(who)], [found.mean], yerr=errors, capsize=2, ms=5, **_style(who))
            axes.set_title(task)
            axes.set_xticks(range(len(labels)), labels, rotation=60, ha="right")
        panels[0].set_ylim(-0.02, 1)
        panels[0].set_ylabel("share of right answers")

    caption = (
        f"Points with {confidence:.0%} intervals over items, not over runs; filled at equal data (mean over seeds), "
        "hollow with twice the steps (one seed), grey the backbone as it is."
    )
    return Figure("accuracy", "Accuracy by task and method", caption, draw, (9.0, 4.2), frozenset({basis}))


def _place(who: Contestant) -> float:
    place = 0 if who == BACKBONE else 1 + METHODS.index(who.method)
    return place + (0.2 if who.times > SAME_DATA else 0.0)


def _style(who: Contestant) -> dict[str, str]:
    colour = _GREY if who == BACKBONE else method_colour(who.method)
    return {"color": colour, "fmt": "o", "mfc": "white" if who.times > SAME_DATA else colour}
