"""Short names for cells and meters, the same in every table and figure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from ladderscope.records import PREDICT, Cell, Record

_NAMED_BY_LABEL = ("method", "rank", "reduction_factor", "seq_len")


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
    bases = [f"{record.cell.method_label}, {record.cell.seq_len} tokens" for record in records]
    several_models = len({record.cell.model for record in records}) > 1
    if several_models:
        bases = [f"{record.cell.model} {base}" for record, base in zip(records, bases, strict=True)]
    shared = Counter(bases)
    return [
        base + _suffix(record, [r for r, other in zip(records, bases, strict=True) if other == base])
        if shared[base] > 1 or is_predicted(record)
        else base
        for record, base in zip(records, bases, strict=True)
    ]


def _suffix(record: Record, namesakes: Sequence[Record]) -> str:
    names = [field.name for field in dataclasses.fields(Cell) if field.name not in _NAMED_BY_LABEL]
    telling = [name for name in names if len({getattr(other.cell, name) for other in namesakes}) > 1]
    settings = [f"{name.replace('_', ' ')} {getattr(record.cell, name)}" for name in telling]
    notes = [*settings, *_meter_note(record, namesakes)]
    return f" ({', '.join(notes)})" if notes else ""


def _meter_note(record: Record, namesakes: Sequence[Record]) -> list[str]:
    measured = {(other.meter, other.gpu) for other in namesakes if not is_predicted(other)}
    if is_predicted(record) or len(measured) > 1:
        return [meter_label(record)]
    return ["measured"] if any(map(is_predicted, namesakes)) else []
