"""Figures of variants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ladderscope.report.loss_axis import loss_axis
from ladderscope.report.palette import LINE_STYLES, METHOD_COLOURS
from ladderscope.studies.bases import PREDICTED, Basis
from ladderscope.studies.chosen import peak_allocated
from ladderscope.studies.findings import Figure
from ladderscope.studies.intervals import mean
from ladderscope.studies.variants.records import Axis, Runs, differences, loss_of
from ladderscope.studies.variants.verdicts import Comparisons
from ladderscope.units import GIB

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_COLOURS = tuple(METHOD_COLOURS.values())


def memory_figure(runs: Runs) -> Figure:
    """Held-out loss against predicted bytes, a line for each variant."""

    def draw(canvas: Canvas) -> None:
        from ladderscope.report.fit_figures.looks import log_axis

        axes = canvas.subplots()
        for place, one in enumerate(runs.plan.variants):
            points = sorted(
                (peak_allocated(runs.predicted[one.name, size]) / GIB, _loss(runs, one.name, size))
                for size in one.reductions
                if (one.name, size) in runs.predicted and runs.runs_of(one.name, size)
            )
            style = LINE_STYLES[place // len(_COLOURS)]
            axes.plot(
                [x for x, _ in points],
                [y for _, y in points],
                style,
                color=_COLOURS[place % len(_COLOURS)],
                marker="o",
                ms=3,
                lw=2.4 if place == 0 else 1.3,
                label=one.name,
            )
        log_axis(axes, "x")
        loss_axis(axes)
        axes.set_xlabel("most that is allocated beside llama-2-7b, GiB, predicted")
        axes.set_ylabel("held-out loss, nats per token")
        canvas.legend(loc="outside right upper")

    caption = (
        "Bytes are predicted for llama-2-7b, losses measured on SmolLM2-135M-Instruct, at the same reduction factors; "
        "the mean over seeds."
    )
    bases: frozenset[Basis] = frozenset({PREDICTED, runs.basis()})
    return Figure("memory", "Loss against memory", caption, draw, (9.0, 5.0), bases)


def differences_figure(runs: Runs, axis: Axis, found: Comparisons) -> Figure:
    """The reference against every other variant: a dot for each seed, a line for the interval."""
    reference = runs.plan.reference.name

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        names = [one.name for one in runs.plan.others]
        for place, name in enumerate(names):
            gaps = differences(runs, axis, reference, name)
            axes.plot(
                [100 * math.expm1(gap) for gap in gaps.values()], [place] * len(gaps), "o", color="#555555", ms=4
            )
            one = found.get(name)
            if one is not None and one.plain.low is not None and one.plain.high is not None:
                ends = [100 * math.expm1(one.plain.low), 100 * math.expm1(one.plain.high)]
                axes.plot(ends, [place, place], "-", color=_COLOURS[0], lw=1.4)
        axes.axvline(0, color="#999999", lw=0.8)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel(f"loss of {reference} over the variant's at equal {axis}, minus one, %")

    caption = "A dot is a seed, a line a t interval over the seeds. Left of zero the reference is lower."
    if axis == "memory":
        caption += " Losses are measured; the bytes at which they are compared are predicted."
    bases: frozenset[Basis] = frozenset({runs.basis(), *([PREDICTED] if axis == "memory" else [])})
    return Figure("differences", f"{reference} against the others", caption, draw, (7.5, 4.6), bases)


def _loss(runs: Runs, variant: str, reduction: int) -> float:
    return math.exp(mean([math.log(loss_of(one)) for one in runs.runs_of(variant, reduction)]))
