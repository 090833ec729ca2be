"""The tables of a report as columns of text; terminal, HTML and Markdown show the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ladderscope.records import Memory, Record
from ladderscope.report.labels import distinct_labels, is_predicted, meter_label
from ladderscope.terminal_columns import Column
from ladderscope.units import format_bytes, format_count, format_flops

MISSING = "-"
_LEAST_CELL_LABEL = 30
"""Terminal cells of a name before columns are left out: ``(predicted for rtx-3060-12gb)`` is on one line."""


def result_columns(records: Sequence[Record]) -> list[Column]:
    """What each cell cost and reached, the most telling columns with the lowest rank."""

    def column(header: str, rank: int, text: Callable[[Record], str | None], *, numeric: bool = True) -> Column:
        return Column(header, [text(record) or MISSING for record in records], rank, numeric)

    of_ranks = [column("lowest\nrank's peak", 13, _lowest_rank)] if any(record.ranks for record in records) else []
    return [
        Column("cell", distinct_labels(records), numeric=False, least=_LEAST_CELL_LABEL),
        column("status", 7, lambda record: record.status, numeric=False),
        column("meter", 9, _short_meter, numeric=False),
        column("peak\nallocated", 1, _peak_or_status),
        column("above\nweights", 3, lambda r: _bytes(above_weights_bytes(r.memory) if r.memory else None)),
        column("peak\nreserved", 2, lambda r: _bytes(r.memory.peak_reserved_bytes if r.memory else None)),
        *of_ranks,
        column("peak RSS", 11, lambda r: _bytes(r.memory.peak_rss_bytes if r.memory else None)),
        column("FLOPs\nper step", 6, lambda r: format_flops(r.flops.per_step) if r.flops else None),
        column("seconds\nper step", 5, lambda r: three_digits(r.seconds_per_step)),
        column("tokens\nper second", 10, lambda r: three_digits(r.tokens_per_second)),
        column("trainable\nparameters", 8, lambda r: format_count(r.params.trainable) if r.params else None),
        column("held-out loss\nbefore -> after", 4, eval_loss_text),
    ]


def failure_columns(records: Sequence[Record]) -> list[Column]:
    """The cells that ended without a measurement, and why."""
    return [
        Column("cell", distinct_labels(records), numeric=False),
        Column("status", [record.status for record in records], numeric=False),
        Column("error", [record.error or MISSING for record in records], numeric=False),
    ]


def above_weights_bytes(memory: Memory) -> int:
    """Bytes at the peak that are neither weights nor the constants of their quantization."""
    breakdown = memory.breakdown_bytes
    return memory.peak_allocated_bytes - breakdown.get("weights", 0) - breakdown.get("quantization_state", 0)


def eval_loss_text(record: Record) -> str | None:
    """``'2.31 -> 1.72'``, saying so where the weights are random."""
    if record.eval_loss is None:
        return None
    text = f"{record.eval_loss.before:.3f} -> {record.eval_loss.after:.3f}"
    return f"{text} (random weights)" if record.weights == "random" else text


def _peak_or_status(record: Record) -> str | None:
    """The status stands in for a peak that was not reached, since a narrow table has no status column."""
    if record.status != "ok":
        return record.status
    return _bytes(record.memory.peak_allocated_bytes if record.memory else None)


def _lowest_rank(record: Record) -> str | None:
    """The peak of the rank that needs least; the table's peak is that of the one that needs most."""
    return _bytes(min((rank.peak_allocated_bytes for rank in record.ranks), default=None))


def _short_meter(record: Record) -> str:
    return meter_label(record) if is_predicted(record) else record.gpu or record.meter


def _bytes(num_bytes: int | None) -> str | None:
    return None if num_bytes is None else format_bytes(num_bytes)


def three_digits(value: float | None) -> str | None:
    """A number for people, with three digits or as a whole number."""
    if value is None:
        return None
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
