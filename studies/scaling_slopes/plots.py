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
from .within import Within

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


def slopes_figure(fits: dict[str, ScalingFit], within: Within, margin: float, basis: Basis) -> Figure:
    """The ratio of every method's slopes to QLoRA's, beside the margin."""
    rows = [
        (method, name, style, slope)
        for method in METHODS
        if method != REFERENCE
        for name, style, slope in (
            ("one curve, by run", "-", comparison_of(fits[RUN], method).slopes[0]),
            ("one curve, by backbone", ":", comparison_of(fits[BACKBONE], method).slopes[0]),
            ("within backbones", "--", within.against[method]),
        )
    ]

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvspan(1 - margin, 1 + margin, color="#DDDDDD", lw=0)
        axes.axvline(1, color="#999999", lw=0.8)
        for place, (method, _, style, slope) in enumerate(rows):
            if slope.equivalence_interval is not None:
                ends = [*map(_as_drawn, slope.equivalence_interval)]
                axes.plot(ends, [place, place], f"{style}|", color=method_colour(method), lw=2, ms=8)
            if slope.first.value is not None and slope.second.value:
                ratio = _as_drawn(slope.first.value / slope.second.value)
                axes.plot(ratio, place, "o", color=method_colour(method))
        axes.set_yticks(range(len(rows)), [f"{method}, {name}" for method, name, _, _ in rows])
        axes.invert_yaxis()
        axes.set_xlabel("slope over QLoRA's")

    caption = (
        "90% intervals of the exponents' ratio, of one curve through all sizes, with runs (solid) and with backbones "
        "(dotted) as the unit, and of the ratio of mean slopes within backbones (dashed), which the rule does not "
        "use. The margin is grey. A method without a line has no bounds."
    )
    return Figure("slopes", "Slopes against QLoRA's", caption, draw, (7.5, 6.0), frozenset({basis}))


def _as_drawn(value: float) -> float:
    """With four digits: the seventh of a fit differs from processor to processor, and figures are to be the same."""
    return float(f"{value:.4g}")
