"""What a report is made from: the records in reading order, and the fits to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.report.labels import is_predicted
from ladderscope.report.palette import METHOD_COLOURS
from ladderscope.scaling import ScalingFit, fit_scaling

RANDOM_WEIGHTS = "random weights: the loss says nothing about a method"


@dataclass(frozen=True, slots=True)
class ModelFits:
    """The fits to the records of one model; methods of different models are never pooled."""

    model: str
    loss_by_compute: ScalingFit
    memory_by_length: ScalingFit


@dataclass(frozen=True, slots=True)
class ReportData:
    """All records, those that ended well, and the fits to these, one for each model."""

    records: list[Record]
    ok: list[Record]
    fits: list[ModelFits]

    @property
    def failed(self) -> list[Record]:
        """The records without a measurement."""
        return [record for record in self.records if record.status != "ok"]

    @property
    def has_random_weights(self) -> bool:
        """Whether a loss comes from random weights."""
        return any(record.weights == "random" and (record.loss or record.eval_loss) for record in self.records)


def collect(records: Sequence[Record]) -> ReportData:
    """``records`` in reading order with the fits that their losses and memories allow."""
    ordered = in_reading_order(records)
    ok = [record for record in ordered if record.status == "ok"]
    models = list(dict.fromkeys(record.cell.model for record in ok))
    return ReportData(ordered, ok, [_fits_of(model, ok) for model in models])


def in_reading_order(records: Sequence[Record]) -> list[Record]:
    """``records`` by model, length, method and width."""
    return sorted(records, key=_reading_order)


def _fits_of(model: str, ok: Sequence[Record]) -> ModelFits:
    records = [record for record in ok if record.cell.model == model]
    return ModelFits(
        model,
        fit_scaling(records, x="compute", y="loss"),
        fit_scaling(records, x="seq-len", y="peak-allocated"),
    )


def _reading_order(record: Record) -> tuple[object, ...]:
    cell = record.cell
    methods = list(METHOD_COLOURS)
    place = methods.index(cell.method) if cell.method in methods else len(methods)
    width = cell.rank or cell.reduction_factor or 0
    return (cell.model, cell.seq_len, place, cell.method, width, cell.seed, is_predicted(record))
