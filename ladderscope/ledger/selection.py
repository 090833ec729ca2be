"""Which records: those for which every condition of ``--where`` holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.ledger.columns import COLUMNS, RecordColumn
from ladderscope.records import Record
from ladderscope.tables.conditions import Condition, parse_condition

SELECTABLE = {name: column for name, column in COLUMNS.items() if not column.is_list}
"""The columns that conditions can be about: those with one value for each record."""


def select_records(records: Sequence[Record], where: Sequence[str]) -> tuple[list[Record], list[str]]:
    """The records for which every condition holds, and a sentence for each condition.

    Raises:
        UsageError: a condition is none, or leaves nothing.
        UnknownNameError: a condition is about what no record has.
    """
    kept, notes = list(records), []
    for text in where:
        before = len(kept)
        kept = _kept(kept, parse_condition(text))
        notes.append(f"The condition {text!r} keeps {len(kept)} of {before} records.")
        if not kept:
            raise UsageError(f"--where {text!r} leaves none of {before} records: loosen it.")
    return kept, notes


def is_about_records(condition: Condition) -> bool:
    """Whether all that a condition is about has one value for each record."""
    names = condition.names()
    return bool(names) and all(name in SELECTABLE or name.replace("-", "_") in SELECTABLE for name in names)


def _kept(records: list[Record], condition: Condition) -> list[Record]:
    holds = condition.condition(lambda name: _values(records, name))
    return [record for record, is_met in zip(records, holds, strict=True) if is_met]


def _values(records: list[Record], name: str) -> pd.Series[Any]:
    if name not in SELECTABLE:
        raise UnknownNameError("column of records", name, SELECTABLE)
    return as_series(records, SELECTABLE[name])


def as_series(records: Sequence[Record], column: RecordColumn) -> pd.Series[Any]:
    """A column of numbers, truth values (a missing one is false) or text; times are text, ``2026-11-22T22:01:10``."""
    values = [column.of(record) for record in records]
    if column.kind == "truth":
        return pd.Series(values, dtype=object).eq(True)
    if column.kind in ("whole", "number"):
        return pd.Series(values, dtype=float)
    if column.kind == "time":
        values = [None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S") for value in values]
    return pd.Series(values, dtype=object)
