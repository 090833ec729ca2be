"""The figures of the README."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.report.loss_axis import loss_axis
from ladderscope.report.palette import method_colour
from ladderscope.studies.bases import Basis, basis_of
from ladderscope.studies.findings import Figure
from ladderscope.studies.trained.spent import flops_spent

from .equal import curve
from .family import FAMILY, METHODS, REFERENCE
from .fitting import BACKBONE, LAW, RUN, comparison_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from ladderscope.scaling import ScalingFit


def curves_figure(records: Sequence[Record], fit: ScalingFit) -> Figure:
    """Loss against compute: a thin line for each backbone, the law of each method in bold."""

    def draw(canvas: Canvas) -> None:
        import numpy as np

        from ladderscope.scaling import law_named

        axes = canvas.subplots()
        for method in METHODS:
            colour = method_colour(method)
            for backbone in FAMILY:
                points = curve(records, backbone.name, method, "compute")
                x, y = np.exp(np.array(points)).T
                axes.plot(x, y, color=colour, lw=0.6, marker=".", ms=4, alpha=0.7)
            spent = [flops_spent(one) for one in records if one.cell.method == method]
            line = np.geomspace(min(spent), max(spent), 50)
            law = next(one for one in fit.groups if one.name == method).fit
            if law.reason is None:
                values = {name: _as_drawn(one.value) for name, one in law.parameters.items()}
                axes.plot(line, law_named(LAW).predict(values, line[:, None]), color=colour, lw=2.2, label=method)
            else:
                axes.plot([], [], color=colour, label=f"{method} (no fit)")
        axes.set_xscale("log")
        loss_axis(axes)
        axes.set_xlabel("compute of training, FLOPs")
        axes.set_ylabel("held-out loss, nats per token")
        canvas.legend(loc="outside upper center", ncols=len(METHODS))

    caption = (
        "A thin line is a backbone, from the smallest budget to the largest, the mean of the "
        "repetitions; a bold one is E + B C^-lambda through all runs of the method."
    )
    return Figure("curves", "Loss against compute", caption, draw, (8.0, 5.4), frozenset(map(basis_of, records)))


def slopes_figure(fits: dict[str, ScalingFit], margin: float, basis: Basis) -> Figure:
    """The ratio of every method's exponent to QLoRA's, beside the margin."""
    rows = [(method, unit) for method in METHODS if method != REFERENCE for unit in (RUN, BACKBONE)]

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvspan(1 - margin, 1 + margin, color="#DDDDDD", lw=0)
        axes.axvline(1, color="#999999", lw=0.8)
        for place, (method, unit) in enumerate(rows):
            slope = comparison_of(fits[unit], method).slopes[0]
            ends, style = slope.equivalence_interval, "-" if unit == RUN else ":"
            if ends is not None:
                axes.plot([*map(_as_drawn, ends)], [place, place], style, color=method_colour(method), lw=2)
            if slope.first.value is not None and slope.second.value:
                ratio = _as_drawn(slope.first.value / slope.second.value)
                axes.plot(ratio, place, "o", color=method_colour(method))
        axes.set_yticks(range(len(rows)), [f"{m}, by {'run' if u == RUN else 'backbone'}" for m, u in rows])
        axes.invert_yaxis()
        axes.set_xlabel("exponent over QLoRA's")

    caption = (
        "90% intervals with runs (solid) and with backbones (dotted) as the unit. The margin is grey. A "
        "method without a line has no bounds."
    )
    return Figure("slopes", "Exponents against QLoRA's", caption, draw, (7.5, 4.6), frozenset({basis}))


def _as_drawn(value: float) -> float:
    """With four digits: the seventh of a fit differs from processor to processor, and figures are to be the same."""
    return float(f"{value:.4g}")
