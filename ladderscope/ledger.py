"""The ledger: an append-only JSONL file of records, one writer at a time, safe against being killed.

A line is written with one ``write`` and synced to disk before :meth:`Ledger.append` returns, so a record is
either whole or absent. A writer that dies inside the ``write`` leaves a last line without a newline; the next
writer cuts it off, and readers pass over it. Of several records with the same key the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ladderscope.errors import LedgerError
from ladderscope.records import Record


def read_ledger(path: Path) -> list[Record]:
    """The records of the ledger at ``path``, the last of each key, in the order of their first appearance.

    Raises:
        LedgerError: the file cannot be read, a line is not JSON, or a record is not one that this version reads.
    """
    records = {record.key: record for record in _parse_lines(path)}
    return list(records.values())


def read_ledgers(paths: Sequence[Path]) -> list[Record]:
    """The records of several ledgers, read as if they were one file."""
    records = {record.key: record for path in paths for record in read_ledger(path)}
    return list(records.values())


def _parse_lines(path: Path) -> Iterator[Record]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"cannot read the ledger {path}: {error.strerror}.") from error
    lines = content.split(b"\n")
    lines.pop()  # after the last newline: empty, or torn off by a writer that was killed
    if content and not lines and not _is_torn_record(content):
        raise LedgerError(
            f"{path} is not a ledger: no line of it is a JSON record. Give a file that `ladderscope profile` wrote."
        )
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parse_line(line, path, number)


def _is_torn_record(content: bytes) -> bool:
    return content.lstrip().startswith(b"{")


def _parse_line(line: bytes, path: Path, number: int) -> Record:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise LedgerError(
            f"{path} is not a ledger: line {number} is not JSON. Give a file that `ladderscope profile` wrote."
        ) from error
    if not isinstance(values, dict):
        raise LedgerError(f"{path} is not a ledger: line {number} is not a JSON object.")
    try:
        return Record.from_json(values)
    except LedgerError as error:
        raise LedgerError(f"cannot use line {number} of {path}: {error}.") from error


class Ledger:
    """A ledger opened for writing; use it as a context manager. Only one process may hold it.

    Raises:
        LedgerError: the folder cannot be written, another process holds the ledger, or it is not a ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self.path.touch()
        except Timeout as error:
            raise LedgerError(
                f"another run is writing to {self.path}: wait for it, or choose another --out."
            ) from error
        except OSError as error:
            raise LedgerError(
                f"cannot write the ledger {self.path}: {error.strerror}. Choose another --out."
            ) from error
        try:
            self.records = read_ledger(self.path)
            self._cut_torn_line()
            self._file = self.path.open("ab", buffering=0)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.release()

    def append(self, record: Record) -> None:
        """Add one record; it is on the disk when this returns."""
        line = json.dumps(record.to_json(), separators=(",", ":")) + "\n"
        self._file.write(line.encode())
        os.fsync(self._file.fileno())
        self.records.append(record)

    def _cut_torn_line(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self.path, whole)
