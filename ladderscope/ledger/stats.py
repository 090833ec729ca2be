"""What is in ledgers, in numbers."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ladderscope.ledger.columns import finished_at
from ladderscope.ledger.reading import LedgerContent
from ladderscope.records import Record

NONE = "none"
"""Stands for what a record does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStats:
    """A ledger as a file: its lines that hold records, how many a later one replaced, bytes of a torn last line."""

    path: str
    num_lines: int
    num_superseded: int
    torn_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStats:
    """The records that count, in numbers.

    ``by`` has what is counted (``status``, ``meter``, ``method``, ``model``, ``gpu``, ``ladderscope``, ``commit``) ->
    value -> records, the most frequent first. ``step_seconds`` are those of all training steps that were measured.
    """

    num_records: int
    files: list[FileStats]
    by: dict[str, dict[str, int]]
    step_seconds: float
    num_steps: int
    first_finished_at: datetime.datetime | None
    last_finished_at: datetime.datetime | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values; times as text in UTC."""
        ends = {name: getattr(self, name) for name in ("first_finished_at", "last_finished_at")}
        return {**asdict(self), **{name: time and time.isoformat(timespec="seconds") for name, time in ends.items()}}


def file_stats(path: Path, content: LedgerContent) -> FileStats:
    """What is told of a ledger as a file."""
    return FileStats(
        path=str(path),
        num_lines=content.num_lines,
        num_superseded=content.num_superseded,
        torn_bytes=content.torn_bytes,
    )


def stats_of(records: Sequence[Record], files: Sequence[FileStats]) -> LedgerStats:
    """The numbers of ``records``, which are those of ``files`` or some of them."""
    times = [time for time in map(finished_at, records) if time is not None]
    return LedgerStats(
        num_records=len(records),
        files=list(files),
        by={name: _counted(map(of, records)) for name, of in _COUNTED.items()},
        step_seconds=sum(sum(record.step_seconds) for record in records),
        num_steps=sum(len(record.step_seconds) for record in records),
        first_finished_at=min(times, default=None),
        last_finished_at=max(times, default=None),
    )


def _commit(record: Record) -> str | None:
    commit = record.env.get("commit")
    return f"{commit} with changes" if commit and record.env.get("dirty") else commit


_COUNTED: dict[str, Callable[[Record], object]] = {
    "status": lambda record: record.status,
    "meter": lambda record: record.meter,
    "method": lambda record: record.cell.method,
    "model": lambda record: record.cell.model,
    "gpu": lambda record: record.gpu,
    "ladderscope": lambda record: record.env.get("ladderscope"),
    "commit": _commit,
}


def _counted(values: Iterable[object]) -> dict[str, int]:
    counts = Counter(NONE if value is None else str(value) for value in values)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
