"""Tables of more records than a reader reads: a row for each model, method and length, or for each error."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.report.labels import base_name, meter_label
from ladderscope.report.many import grouped, sentence_on_rows
from ladderscope.report.tables import MISSING, three_digits
from ladderscope.terminal_columns import Column
from ladderscope.units import format_bytes, format_count, format_flops

NumberOf = Callable[[Record], float | None]
_LONGEST_ERROR = 200
"""Characters of an error by which errors are told apart, and which are shown."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A table of groups, and the sentence that says what it stands for."""

    columns: list[Column]
    sentence: str


def summary_of(records: Sequence[Record], most_rows: int) -> Summary:
    """The groups of ``records`` with their medians, in order of first appearance; at most ``most_rows`` of them."""
    found = grouped(records)
    groups = found[:most_rows]
    several_models = len({group[0].cell.model for group in found}) > 1
    return Summary(_columns(groups, several_models), sentence_on_rows(len(found), len(groups), len(records)))


def _columns(groups: Sequence[Sequence[Record]], several_models: bool) -> list[Column]:
    ok = [[record for record in group if record.status == "ok"] for group in groups]

    def middle(header: str, rank: int, of: NumberOf, text: Callable[[float], str]) -> Column:
        values = [[value for record in group if (value := of(record)) is not None] for group in ok]
        return Column(header, [text(statistics.median(found)) if found else MISSING for found in values], rank)

    return [
        Column("cells", [_name(group[0], several_models) for group in groups], numeric=False),
        Column("records", [f"{len(group):,}" for group in groups], 1),
        Column("ok", [f"{len(group):,}" for group in ok], 2),
        Column("meter", [meter_label(group[0]) for group in groups], 8, numeric=False),
        middle("peak\nallocated", 0, _peak, format_bytes),
        Column("lowest to\nhighest", [_range(group) for group in ok], 4),
        middle("FLOPs\nper step", 5, lambda r: r.flops.per_step if r.flops else None, format_flops),
        middle("seconds\nper step", 6, lambda r: r.seconds_per_step, _seconds),
        middle("trainable\nparameters", 7, lambda r: r.params.trainable if r.params else None, _count),
        middle("held-out\nloss after", 3, lambda r: r.eval_loss.after if r.eval_loss else None, "{:.3f}".format),
    ]


def error_columns(failed: Sequence[Record], most_rows: int) -> list[Column]:
    """Errors with how many cells met them, the most frequent first; at most ``most_rows`` of them."""
    met: dict[tuple[str, str], list[Record]] = {}
    for record in failed:
        met.setdefault((record.status, (record.error or MISSING)[:_LONGEST_ERROR]), []).append(record)
    rows = sorted(met.items(), key=lambda item: -len(item[1]))[:most_rows]
    return [
        Column("cells", [f"{len(records):,}" for _, records in rows]),
        Column("status", [status for (status, _), _ in rows], numeric=False),
        Column("such as", [records[0].cell.label for _, records in rows], numeric=False),
        Column("error", [error for (_, error), _ in rows], numeric=False),
    ]


def _name(record: Record, several_models: bool) -> str:
    name = base_name(record.cell)
    return f"{record.cell.model} {name}" if several_models else name


def _peak(record: Record) -> float | None:
    return record.memory.peak_allocated_bytes if record.memory else None


def _range(records: Sequence[Record]) -> str:
    peaks = [record.memory.peak_allocated_bytes for record in records if record.memory]
    return f"{format_bytes(min(peaks))} to {format_bytes(max(peaks))}" if peaks else MISSING


def _seconds(seconds: float) -> str:
    return three_digits(seconds) or MISSING


def _count(count: float) -> str:
    return format_count(round(count))
