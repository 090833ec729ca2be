"""Loss against training compute on log axes, with the fitted power law."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.report.data import RANDOM_WEIGHTS, ReportData
from ladderscope.report.figures.fitted import FittedPanel, band_sentence, draw_fitted
from ladderscope.report.figures.panels import first_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.report.loss_axis import loss_axis
from ladderscope.scaling.results.scaling_fit import GroupFit
from ladderscope.scaling.text import format_parameter


def draw(data: ReportData) -> Drawing | None:
    """The scaling curves, or ``None`` where no record holds both a loss and FLOPs."""
    fitted = {fits.model: fits.loss_by_compute for fits in data.fits if fits.loss_by_compute is not None}
    chosen, remark = first_panels(list(fitted), "models")
    if not chosen:
        return None
    panels = [
        FittedPanel(
            title=model,
            fit=fitted[model],
            records=[r for r in data.curves if r.cell.model == model and r.flops and r.loss],
            points_of=_points_of,
        )
        for model in chosen
    ]
    figure = draw_fitted(panels, "training compute so far (FLOP)", "training loss (nats per token)", _slope)
    for axis in figure.axes:
        axis.set_xscale("log")
        loss_axis(axis)
    sentences = [
        f"Lines: {fitted[chosen[0]].formula}, fitted to all runs of a method together.",
        band_sentence([fitted[model] for model in chosen]),
        *([f"{RANDOM_WEIGHTS.capitalize()}."] if data.has_random_weights else []),
        remark,
        data.on_runs,
    ]
    return Drawing(figure, " ".join(filter(None, sentences)))


def _points_of(record: Record) -> tuple[Sequence[float], Sequence[float]]:
    per_step = record.flops.per_step if record.flops else 0
    return [per_step * (i + 1) for i in range(len(record.loss))], record.loss


def _slope(group: GroupFit) -> str:
    return "not fitted" if group.fit.reason else f"$\\lambda$ = {format_parameter(group.fit, 'lambda')}"
