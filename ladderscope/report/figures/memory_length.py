"""Peak memory against sequence length, with the affine fit."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.report.data import ReportData
from ladderscope.report.figures.fitted import FittedPanel, band_sentence, draw_fitted
from ladderscope.report.figures.panels import first_panels
from ladderscope.report.figures.style import Drawing
from ladderscope.scaling.results.scaling_fit import GroupFit
from ladderscope.scaling.text import format_value
from ladderscope.units import MIB


def draw(data: ReportData) -> Drawing | None:
    """The memory curves, or ``None`` where no record holds memory."""
    fitted = {fits.model: fits.memory_by_length for fits in data.fits if fits.memory_by_length is not None}
    chosen, remark = first_panels(list(fitted), "models")
    if not chosen:
        return None
    panels = [
        FittedPanel(
            title=model,
            fit=fitted[model],
            records=[record for record in data.curves if record.cell.model == model and record.memory],
            points_of=_point_of,
            y_unit=MIB,
        )
        for model in chosen
    ]
    figure = draw_fitted(panels, "sequence length (tokens)", "peak allocated memory (MiB)", _slope)
    for axis in figure.axes:
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
    sentences = [
        f"Lines: {fitted[chosen[0]].formula}. Open circles are predicted, filled ones measured.",
        band_sentence([fitted[model] for model in chosen]),
        remark,
        data.on_runs,
    ]
    return Drawing(figure, " ".join(filter(None, sentences)))


def _point_of(record: Record) -> tuple[Sequence[float], Sequence[float]]:
    return [record.cell.seq_len], [record.memory.peak_allocated_bytes if record.memory else 0]


def _slope(group: GroupFit) -> str:
    rate = group.fit.parameters.get("c1")
    return "not fitted" if rate is None else format_value(rate.value, rate.unit)
