"""The ledger: an append-only JSONL file of records, one writer at a time, safe against being killed.

A line is written with one ``write`` and synced to disk before :meth:`Ledger.append` returns, so a record is
either whole or absent. A writer that dies inside the ``write`` leaves a last line without a newline; the next
writer cuts it off, and readers pass over it. Of several records with the same key the last one counts.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ladderscope.errors import LedgerError
from ladderscope.records import Record

_WRITER = "`ladderscope profile`"
_RECORD_START = b'{"schema_version":'


def read_ledger(path: Path) -> list[Record]:
    """The records of the ledger at ``path``, the last of each key, in the order of their first appearance.

    Raises:
        LedgerError: the file cannot be read, a line is not JSON, or a record is not one that this version reads.
    """
    records = {record.key: record for record in _parse_lines(path)}
    return list(records.values())


def read_ledgers(paths: Sequence[Path]) -> list[Record]:
    """The records of several ledgers, read as if they were one file.

    Raises:
        LedgerError: a file that is no ledger, or no record in any of them.
    """
    records = {record.key: record for path in paths for record in read_ledger(path)}
    if not records:
        raise LedgerError(f"{', '.join(map(str, paths))}: the ledger holds no record: run {_WRITER} first.")
    return list(records.values())


def _parse_lines(path: Path) -> Iterator[Record]:
    whole, torn = _split_tail(path)
    for number, line in enumerate(whole.split(b"\n"), start=1):
        if line.strip():
            yield _parse_line(line, path, number)
    if torn and not torn.startswith(_RECORD_START[: len(torn)]):
        raise LedgerError(f"{path} is not a ledger: its last line is no record. Give a file that {_WRITER} wrote.")


def _split_tail(path: Path) -> tuple[bytes, bytes]:
    """The whole lines, and what a writer that was killed has left of one behind them.

    A last line that lacks nothing but its newline is whole.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"cannot read the ledger {path}: {error.strerror}.") from error
    end = content.rfind(b"\n") + 1
    tail = content[end:]
    try:
        json.loads(tail)
    except ValueError:
        return content[:end], tail
    return content, b""


def _parse_line(line: bytes, path: Path, number: int) -> Record:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise LedgerError(
            f"{path} is not a ledger: line {number} is not JSON. Give a file that {_WRITER} wrote."
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
            self._mend_tail()
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
        """Add one record; it is on the disk when this returns.

        Raises:
            LedgerError: the disk is full, or the file cannot be written any more; the ledger is as it was before.
        """
        line = json.dumps(record.to_json(), separators=(",", ":"), allow_nan=False).encode() + b"\n"
        size = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), size)
            raise LedgerError(f"cannot write to the ledger {self.path}: {error.strerror}.") from error
        self.records.append(record)

    def _mend_tail(self) -> None:
        """Cut a torn last line off, and end a whole one."""
        whole, torn = _split_tail(self.path)
        if torn:
            os.truncate(self.path, len(whole))
        elif whole and not whole.endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")
