"""Short names for cells and meters, the same in every table and figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.records import PREDICT, Cell, Record
from ladderscope.records.labels_of_runs import differing

_NAMED_BY_LABEL = {"method", "rank", "reduction_factor", "seq_len", "parallel", "num_gpus"}


def is_predicted(record: Record) -> bool:
    """Whether the record holds a prediction rather than a measurement."""
    return record.meter == PREDICT


def meter_label(record: Record) -> str:
    """``'measured on cpu'`` or ``'predicted'``, with the GPU where there is one."""
    if is_predicted(record):
        return f"predicted for {record.gpu}" if record.gpu else "predicted"
    return f"measured on {record.gpu or record.meter}"


def distinct_labels(records: Sequence[Record]) -> list[str]:
    """A label for each record, with as many settings as it takes to tell it from its namesakes.

    A prediction always says that it is one.
    """
    bases = [base_name(record.cell) for record in records]
    several_models = len({record.cell.model for record in records}) > 1
    if several_models:
        bases = [f"{record.cell.model} {base}" for record, base in zip(records, bases, strict=True)]
    namesakes: dict[str, list[Record]] = {}
    for record, base in zip(records, bases, strict=True):
        namesakes.setdefault(base, []).append(record)
    telling = {base: _Telling.apart(sharing) for base, sharing in namesakes.items()}
    return [base + telling[base].suffix(record) for record, base in zip(records, bases, strict=True)]


def base_name(cell: Cell) -> str:
    """What a name always says; of several GPUs too, since the numbers are those of one of them."""
    parts = [cell.method_label, f"{cell.seq_len} tokens", cell.gpus_label]
    return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What tells records of one name apart: settings, and how they were measured."""

    settings: list[str]
    has_several_meters: bool
    has_predictions: bool

    @classmethod
    def apart(cls, namesakes: Sequence[Record]) -> _Telling:
        predictions = [record for record in namesakes if is_predicted(record)]
        measured = {(record.meter, record.gpu) for record in namesakes if not is_predicted(record)}
        return cls(
            settings=differing([record.cell for record in namesakes], without=_NAMED_BY_LABEL),
            has_several_meters=len(measured) > 1,
            has_predictions=bool(predictions),
        )

    def suffix(self, record: Record) -> str:
        settings = [f"{name.replace('_', ' ')} {getattr(record.cell, name)}" for name in self.settings]
        notes = [*settings, *self._meter_note(record)]
        return f" ({', '.join(notes)})" if notes else ""

    def _meter_note(self, record: Record) -> list[str]:
        if is_predicted(record) or self.has_several_meters:
            return [meter_label(record)]
        return ["measured"] if self.has_predictions else []
