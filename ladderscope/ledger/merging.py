"""Several ledgers made one: of each key the record that counts, its line byte for byte as it was written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ladderscope.errors import LedgerError
from ladderscope.ledger.counting import Standing, drop_superseded_failures, standing_of
from ladderscope.ledger.reading import WRITER, LedgerContent, check_readable, collector_paused, read_lines
from ladderscope.ledger.writing import acquire, lock_of
from ladderscope.records import RecordKey
from ladderscope.whole_files import write_bytes_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What became of ledgers that were merged.

    Attributes:
        num_records: in the merged ledger.
        num_superseded: lines that a later one of the same ledger had replaced, and failures on a GPU that nobody knows
            where any ledger has a later record of the same cell and meter.
        num_shared: records that several ledgers hold, and ``num_conflicts`` those that differ between them.
        torn: ledgers whose last line is not whole: it is left out.
        with_old: whether there was a ledger at the output that was not named, whose records are kept.
        is_changed: whether the output is another than before.
    """

    num_records: int
    num_superseded: int
    num_shared: int
    num_conflicts: int
    torn: list[Path]
    with_old: bool
    is_changed: bool


def merge_ledgers(paths: Sequence[Path], out: Path) -> Merged:
    """Write the records of the ledgers ``paths`` to ``out``, in the order of their first appearance.

    Of a key that several ledgers hold, the record with the highest :class:`~ladderscope.ledger.counting.Standing`
    counts, as it does wherever several ledgers are read. ``out`` may be one of them; records that it holds already are
    merged in any case, so that merging the same again changes nothing. It is replaced in one step, and locked from the
    first read on. Other ledgers may be written to meanwhile: what they held when they were read is merged.

    Raises:
        LedgerError: a ledger that cannot be read, no record in any, or an ``out`` that another process writes to.
        UsageError: ``out`` cannot be written; it is as it was then.
    """
    check_readable(paths)
    lock = lock_of(out)
    acquire(lock, out)
    try:
        return _merge(paths, out)
    finally:
        lock.release()


def _merge(paths: Sequence[Path], out: Path) -> Merged:
    named = _each_once(paths)
    with_old = out.exists() and os.path.realpath(out) not in map(os.path.realpath, named)
    join = _Join()
    with collector_paused():
        for path in [out, *named] if with_old else named:
            join.add(path)
    join.finish()
    if not join.kept:
        raise LedgerError(f"{', '.join(map(str, paths))}: no record to merge: run {WRITER} first.")
    content = b"".join(line.raw + b"\n" for line in join.kept.values())
    is_changed = not out.exists() or out.stat().st_size != len(content) or out.read_bytes() != content
    if is_changed:
        write_bytes_atomically(out, content)
    return Merged(
        num_records=len(join.kept),
        num_superseded=join.num_superseded,
        num_shared=len(join.shared),
        num_conflicts=len(join.conflicts),
        torn=join.torn,
        with_old=with_old,
        is_changed=is_changed,
    )


def _each_once(paths: Sequence[Path]) -> list[Path]:
    """Every file once, at the place where it is named last."""
    files = {os.path.realpath(path): path for path in reversed(paths)}
    return list(reversed(files.values()))


class _Kept(NamedTuple):
    """What is kept of a line: records themselves would take several times the memory."""

    raw: bytes
    standing: Standing


class _Join:
    """The lines that count of the ledgers that have been added."""

    def __init__(self) -> None:
        self.kept: dict[RecordKey, _Kept] = {}
        self.shared: set[RecordKey] = set()
        self.conflicts: set[RecordKey] = set()
        self.num_superseded = 0
        self.torn: list[Path] = []

    def add(self, path: Path) -> None:
        content = LedgerContent()
        own = {
            line.record.key: _Kept(line.raw, standing_of(line.record)) for line in read_lines(path, content)
        }  # within a ledger the last line of a key counts
        drop_superseded_failures(own, _standing)
        self.num_superseded += content.num_lines - len(own)
        if content.torn_bytes:
            self.torn.append(path)
        for key, line in own.items():
            self._add(key, line)

    def _add(self, key: RecordKey, line: _Kept) -> None:
        known = self.kept.get(key)
        if known is not None:
            self.shared.add(key)
            if known.raw != line.raw:
                self.conflicts.add(key)
            if known.standing > line.standing:
                return
        self.kept[key] = line

    def finish(self) -> None:
        """All ledgers have been added."""
        before = len(self.kept)
        drop_superseded_failures(self.kept, _standing)
        self.num_superseded += before - len(self.kept)


def _standing(line: _Kept) -> Standing:
    return line.standing
