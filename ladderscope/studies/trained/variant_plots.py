"""Figures of variants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ladderscope.report.palette import LINE_STYLES, METHOD_COLOURS
from ladderscope.studies.bases import PREDICTED, Basis
from ladderscope.studies.chosen import peak_allocated
from ladderscope.studies.findings import Figure
from ladderscope.studies.trained.variant_runs import Axis, Runs, differences, loss_of
from ladderscope.studies.trained.variant_verdicts import Intervals, others
from ladderscope.units import GIB

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_COLOURS = tuple(METHOD_COLOURS.values())


def memory_figure(runs: Runs) -> Figure:
    """Held-out loss against predicted bytes, a line for each variant."""

    def draw(canvas: Canvas) -> None:
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
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("most that is allocated beside llama-2-7b, GiB")
        axes.set_ylabel("held-out loss, nats per token")
        canvas.legend(loc="outside right upper")

    caption = (
        "Bytes are predicted for llama-2-7b, losses measured on SmolLM2-135M, at the same reduction factors; the mean "
        "over seeds."
    )
    bases: frozenset[Basis] = frozenset({PREDICTED, runs.basis()})
    return Figure("memory", "Loss against memory", caption, draw, (9.0, 5.0), bases)


def differences_figure(runs: Runs, axis: Axis, intervals: Intervals, bounds: Mapping[str, float]) -> Figure:
    """The reference against every other variant: a dot for each pair, a line for the interval."""

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        names = others(runs)
        for place, name in enumerate(names):
            gaps = differences(runs, axis, runs.plan.reference.name, name, bounds["reach"])
            for (reduction, _), gap in gaps.items():
                colour = _COLOURS[sorted(runs.plan.reference.reductions).index(reduction) % len(_COLOURS)]
                axes.plot(100 * math.expm1(gap), place, "o", color=colour, ms=4, alpha=0.8)
            found = intervals.get(name)
            if found is not None and found.low is not None and found.high is not None:
                ends = [100 * math.expm1(found.low), 100 * math.expm1(found.high)]
                axes.plot(ends, [place, place], "-", color="#222222", lw=1.2)
        for place, reduction in enumerate(sorted(runs.plan.reference.reductions)):
            axes.plot([], [], "o", color=_COLOURS[place % len(_COLOURS)], ms=4, label=f"1/{reduction}")
        axes.axvline(0, color="#999999", lw=0.8)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel(f"loss of {runs.plan.reference.name} over the variant's at equal {axis}, minus one, %")
        canvas.legend(loc="outside upper center", ncols=4)

    caption = "A dot is a pair of reduction factor and seed. Left of zero the reference is lower."
    bases: frozenset[Basis] = frozenset({runs.basis(axis), runs.basis()})
    return Figure("differences", f"{runs.plan.reference.name} against the others", caption, draw, (7.5, 4.6), bases)


def _loss(runs: Runs, variant: str, reduction: int) -> float:
    logs = [math.log(loss_of(one)) for one in runs.runs_of(variant, reduction)]
    return math.exp(math.fsum(logs) / len(logs))
