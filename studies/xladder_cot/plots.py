"""The figure of the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.report.palette import LINE_STYLES, method_colour
from ladderscope.studies.bases import basis_of
from ladderscope.studies.findings import Figure
from ladderscope.studies.intervals import mean_accuracy

from .outcome import accuracy, answers_of, runs_of, tokens
from .plan import ARMS, BACKBONE_ALONE, GRANULARITIES, LONG

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_SPREAD = 1.03
"""Neighbouring methods stand beside each other, where they write as many tokens."""


def accuracy_figure(records: Sequence[Record], bounds: Mapping[str, float]) -> Figure:
    """Accuracy against tokens written, a line for each arm."""
    confidence = bounds["confidence"]

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        of_method: dict[str, int] = {}
        for place, (arm, one) in enumerate(ARMS.items()):
            style = LINE_STYLES[of_method.setdefault(one.method, 0) % len(LINE_STYLES)]
            of_method[one.method] += 1
            runs = [runs_of(records, arm, granularity) for granularity in GRANULARITIES]
            x = [tokens(some) * _SPREAD ** (place - len(ARMS) // 2) for some in runs]
            found = [mean_accuracy([answers_of(run) for run in some], confidence) for some in runs]
            y = [one.mean for one in found]
            errors = [
                [one.mean - one.low for one in found if one.low is not None],
                [one.high - one.mean for one in found if one.high is not None],
            ]
            axes.errorbar(x, y, yerr=errors, fmt=style, marker=".", color=method_colour(one.method), label=arm, lw=1.4)
        alone = runs_of(records, BACKBONE_ALONE, LONG)
        axes.plot(tokens(alone), accuracy(alone), "x", color="#222222", label="backbone as it is")
        axes.axhline(bounds["chance"], color="#999999", lw=0.8, ls=":")
        axes.set_xscale("log")
        axes.set_xlabel("tokens written for an answer")
        axes.set_ylabel("share of right answers")
        canvas.legend(loc="outside upper center", ncols=3)

    caption = (
        f"Means over seeds, with Wilson's {confidence:.0%} intervals over items; points are moved a little to the "
        "side where methods write as many tokens. Chance is dotted."
    )
    bases = frozenset(map(basis_of, records))
    return Figure("accuracy", "Accuracy against the length of the chain", caption, draw, (7.5, 4.8), bases)
