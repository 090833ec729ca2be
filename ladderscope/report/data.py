"""What a report is made from: the records in reading order, and the fits to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.errors import UsageError
from ladderscope.records import Record
from ladderscope.report.labels import is_predicted
from ladderscope.report.many import runs_of_curves, sentence_on_runs
from ladderscope.report.palette import METHOD_COLOURS
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.settings import FitSettings

SETTINGS = FitSettings(profiles=False, resamples=0)
"""Of the report's fits, which show the quoted intervals and bands and nothing beside them."""
RANDOM_WEIGHTS = "random weights: the loss says nothing about a method"


@dataclass(frozen=True, slots=True)
class ModelFits:
    """The fits to the records of one model; methods of different models are never pooled.

    A fit is ``None`` where no record holds what it needs.
    """

    model: str
    loss_by_compute: ScalingFit | None
    memory_by_length: ScalingFit | None


@dataclass(frozen=True, slots=True)
class ReportData:
    """All records, those that ended well, those of these that curves and fits are of, and the fits by model."""

    records: list[Record]
    ok: list[Record]
    curves: list[Record]
    fits: list[ModelFits]

    @property
    def failed(self) -> list[Record]:
        """The records without a measurement."""
        return [record for record in self.records if record.status != "ok"]

    @property
    def on_runs(self) -> str:
        """What curves and fits leave out, in a sentence; empty where that is nothing."""
        return sentence_on_runs(len(self.curves), len(self.ok))

    @property
    def has_random_weights(self) -> bool:
        """Whether a loss comes from random weights."""
        return any(record.weights == "random" and (record.loss or record.eval_loss) for record in self.records)


def collect(records: Sequence[Record]) -> ReportData:
    """``records`` in reading order with the fits that their losses and memories allow."""
    ordered = in_reading_order(records)
    ok = [record for record in ordered if record.status == "ok"]
    models = list(dict.fromkeys(record.cell.model for record in ok))
    curves = runs_of_curves(ok)
    return ReportData(ordered, ok, curves, [_fits_of(model, curves) for model in models])


def in_reading_order(records: Sequence[Record]) -> list[Record]:
    """``records`` by model, length, method and width."""
    return sorted(records, key=_reading_order)


def _fits_of(model: str, curves: Sequence[Record]) -> ModelFits:
    records = [record for record in curves if record.cell.model == model]
    return ModelFits(
        model,
        _fit(records, y="loss", x="C", law="power-offset"),
        _fit(records, y="peak-allocated", x="S", law="memory-linear"),
    )


def _fit(records: Sequence[Record], *, y: str, x: str, law: str) -> ScalingFit | None:
    from ladderscope.scaling.fit import fit_scaling
    from ladderscope.scaling.reading import table_from_records

    try:
        table = table_from_records(records, y=y)
    except UsageError:  # no record holds it
        return None
    if x not in table.axes or table.frame.empty:
        return None
    fit = fit_scaling(table, x=[x], law=law, settings=SETTINGS)
    return fit if fit.groups else None


_PLACES = {method: place for place, method in enumerate(METHOD_COLOURS)}


def _reading_order(record: Record) -> tuple[object, ...]:
    cell = record.cell
    place = _PLACES.get(cell.method, len(_PLACES))
    width = cell.rank or cell.reduction_factor or 0
    return (cell.model, cell.seq_len, place, cell.method, width, cell.seed, is_predicted(record))
