"""Writing a ledger: an append-only JSONL file of records, one writer at a time, safe against being killed.

A line is written with one ``write`` and synced to disk before :meth:`Ledger.append` returns, so a record is
either whole or absent. A writer that dies inside the ``write`` leaves a last line without a newline; the next
writer cuts it off, and readers pass over it. Of several records with the same key the last one counts.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ladderscope.errors import LedgerError
from ladderscope.ledger.reading import LedgerContent, read_content
from ladderscope.records import Record


class Ledger:
    """A ledger opened for writing; use it as a context manager. Only one process may hold it.

    Raises:
        LedgerError: the folder cannot be written, another process holds the ledger, or it is not a ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = lock_of(path)

    def __enter__(self) -> Self:
        acquire(self._lock, self.path)
        try:
            self.path.touch()
            content = read_content(self.path)
            self.records = list(content.records.values())
            self._mend_tail(content)
            self._file = self.path.open("ab", buffering=0)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise _cannot_write(self.path, error) from error
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

    def _mend_tail(self, content: LedgerContent) -> None:
        """Cut a torn last line off, and end a whole one."""
        if content.torn_bytes:
            os.truncate(self.path, content.whole_bytes)
        if not content.is_ended:
            with self.path.open("ab") as file:
                file.write(b"\n")


def lock_of(path: Path) -> FileLock:
    """What only one process holds that writes to the ledger at ``path``."""
    return FileLock(path.with_name(f".{path.name}.lock"))


def acquire(lock: FileLock, path: Path) -> None:
    """Take the lock of the ledger at ``path``, whose folder is made where it is missing.

    Raises:
        LedgerError: another process has it, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LedgerError(f"another run is writing to {path}: wait for it, or choose another --out.") from error
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> LedgerError:
    return LedgerError(f"cannot write the ledger {path}: {error.strerror}. Choose another --out.")
