"""The figures of the README."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.report.loss_axis import loss_axis
from ladderscope.report.palette import method_colour
from ladderscope.studies.bases import Basis
from ladderscope.studies.findings import Figure
from ladderscope.studies.intervals import mean
from ladderscope.studies.trained.spent import AXES

from .equal import log_loss, of_runs, parameters
from .plan import BACKBONES, METHODS, REFERENCE, SCALED, size_of
from .tables import frontier
from .texts import backbone_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_INCHES = (9.0, 4.6)


def parameters_figure(records: Sequence[Record], basis: Basis) -> Figure:
    """Loss against trained parameters."""

    def draw(canvas: Canvas) -> None:
        for axes, backbone in zip(_panels(canvas), BACKBONES, strict=True):
            _lines(axes, records, backbone.name, lambda runs: float(parameters(runs[0])))
            axes.set_title(f"backbone of {backbone_text(backbone)}")
            axes.set_xlabel("trained parameters")
        _finish(canvas)

    caption = "From the smallest size to the largest: mean over seeds, with bands from the lowest to the highest."
    return Figure("parameters", "Loss against trained parameters", caption, draw, _INCHES, frozenset({basis}))


def compute_figure(records: Sequence[Record], basis: Basis) -> Figure:
    """Loss against the compute of training, with the frontier."""

    def draw(canvas: Canvas) -> None:
        for axes, backbone in zip(_panels(canvas), BACKBONES, strict=True):
            best = [(spent, loss) for spent, loss, _, _ in frontier(records, backbone.name, "compute")]
            axes.step(*zip(*best, strict=True), where="post", color="#BBBBBB", lw=3, zorder=0)
            _lines(axes, records, backbone.name, AXES["compute"])
            axes.set_title(f"backbone of {backbone_text(backbone)}")
            axes.set_xlabel("compute of training, FLOPs")
        _finish(canvas)

    caption = (
        "The same runs. All have the same tokens, so a line goes through sizes, not through budgets. Grey: the "
        "lowest mean loss within a compute."
    )
    return Figure("compute", "Loss against compute, over the sizes", caption, draw, _INCHES, frozenset({basis}))


def _panels(canvas: Canvas) -> list[Axes]:
    return list(canvas.subplots(1, len(BACKBONES)))


def _lines(axes: Axes, records: Sequence[Record], model: str, place: Callable[[Sequence[Record]], float]) -> None:
    for method in (*METHODS, SCALED):
        sizes = _by_size(of_runs(records, model, method))
        x = [place(runs) for runs in sizes]
        losses = [list(map(log_loss, runs)) for runs in sizes]
        low, middle, high = ([math.exp(of(some)) for some in losses] for of in (min, mean, max))
        colour, line = (method_colour(REFERENCE), "--") if method == SCALED else (method_colour(method), "-")
        axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(x, middle, color=colour, ls=line, marker=".", label=method)
    axes.set_xscale("log")
    loss_axis(axes)


def _by_size(runs: Sequence[Record]) -> list[list[Record]]:
    sizes = dict.fromkeys(size_of(one.cell) for one in runs)
    return [[one for one in runs if size_of(one.cell) == size] for size in sizes]


def _finish(canvas: Canvas) -> None:
    canvas.axes[0].set_ylabel("held-out loss, nats per token")
    handles, labels = canvas.axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper center", ncols=len(labels))
