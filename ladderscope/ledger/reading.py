"""Reading ledgers: line by line, the last record of each key, whatever a killed writer has left behind them."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ladderscope.errors import LedgerError
from ladderscope.ledger.counting import drop_superseded_failures, standing_of
from ladderscope.records import Record, RecordKey

WRITER = "`ladderscope profile`"
_RECORD_START = b'{"schema_version":'


class Line(NamedTuple):
    """A line of a ledger that holds a record; ``raw`` are its bytes, without its newline."""

    raw: bytes
    record: Record


@dataclass(slots=True)
class LedgerContent:
    """What a ledger holds.

    Attributes:
        records: the last record of each key, in the order of their first appearance; without failures on a GPU that
            nobody knows where a later record of the same cell and meter knows it.
        num_lines: lines that hold a record, superseded ones too.
        whole_bytes: up to the end of the last whole line.
        torn_bytes: what a writer that was killed, or is at work, has left behind it.
        is_ended: whether the last whole line has its newline.
    """

    records: dict[RecordKey, Record] = field(default_factory=dict)
    num_lines: int = 0
    whole_bytes: int = 0
    torn_bytes: int = 0
    is_ended: bool = True

    @property
    def num_superseded(self) -> int:
        """Records that a later one has replaced."""
        return self.num_lines - len(self.records)


def read_ledger(path: Path) -> list[Record]:
    """The records of the ledger at ``path``, the last of each key, in the order of their first appearance.

    Raises:
        LedgerError: the file cannot be read, a line is not JSON, or a record is not one that this version reads.
    """
    return list(read_content(path).records.values())


def read_ledgers(paths: Sequence[Path]) -> list[Record]:
    """The records of several ledgers, of each key the one with the highest standing (``ladderscope.ledger.counting``).

    Raises:
        LedgerError: a file that is no ledger, or no record in any of them.
    """
    return list(join_contents([read_content(path) for path in paths], paths).values())


def join_contents(contents: Sequence[LedgerContent], paths: Sequence[Path]) -> dict[RecordKey, Record]:
    """The records of several ledgers by key, in the order of their first appearance.

    Raises:
        LedgerError: there is no record in any of them.
    """
    records: dict[RecordKey, Record] = {}
    for content in contents:
        for key, record in content.records.items():
            known = records.get(key)
            if known is None or standing_of(known) <= standing_of(record):
                records[key] = record
    drop_superseded_failures(records, standing_of)
    if not records:
        raise LedgerError(f"{', '.join(map(str, paths))}: the ledger holds no record: run {WRITER} first.")
    return records


def read_content(path: Path) -> LedgerContent:
    """The records of the ledger at ``path``, and what else there is in it.

    Raises:
        LedgerError: as for :func:`read_ledger`.
    """
    content = LedgerContent()
    with collector_paused():
        for line in read_lines(path, content):
            content.records[line.record.key] = line.record
        drop_superseded_failures(content.records, standing_of)
    return content


def read_lines(path: Path, content: LedgerContent) -> Iterator[Line]:
    """The lines of the ledger at ``path`` as they stand there, superseded ones too.

    Args:
        path: of the ledger.
        content: where the lines and bytes that have been read are counted; its records are left alone.

    Raises:
        LedgerError: as for :func:`read_ledger`.
    """
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n") and _is_torn(raw):
                    _check_torn(raw, path)
                    content.torn_bytes = len(raw)
                    return
                content.whole_bytes += len(raw)
                content.is_ended = raw.endswith(b"\n")
                if not raw.isspace():
                    content.num_lines += 1
                    yield Line(raw.rstrip(b"\n"), _parse_line(raw, path, number))
    except OSError as error:
        raise _cannot_read(path, error) from error


def check_readable(paths: Sequence[Path]) -> None:
    """Refuse ledgers that are not there, before anything is made for what is to be read from them.

    Raises:
        LedgerError: a file cannot be opened.
    """
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as error:
            raise _cannot_read(path, error) from error


def _cannot_read(path: Path, error: OSError) -> LedgerError:
    way_out = f" Name one that is there; {WRITER} writes them." if isinstance(error, FileNotFoundError) else ""
    return LedgerError(f"cannot read the ledger {path}: {error.strerror}.{way_out}")


@contextmanager
def collector_paused() -> Iterator[None]:
    """Inside, Python looks for no cycles: records have none, and to look through all that are there takes long."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _is_torn(tail: bytes) -> bool:
    """Whether a last line lacks more than its newline."""
    try:
        json.loads(tail)
    except ValueError:
        return True
    return False


def _check_torn(tail: bytes, path: Path) -> None:
    if not tail.startswith(_RECORD_START[: len(tail)]):
        raise LedgerError(f"{path} is not a ledger: its last line is no record. Give a file that {WRITER} wrote.")


def _parse_line(line: bytes, path: Path, number: int) -> Record:
    try:
        values = _values_of(line)
    except ValueError as error:
        raise LedgerError(
            f"{path} is not a ledger: line {number} is not JSON. Give a file that {WRITER} wrote."
        ) from error
    if not isinstance(values, dict):
        raise LedgerError(f"{path} is not a ledger: line {number} is not a JSON object.")
    try:
        return Record.from_json(values)
    except LedgerError as error:
        raise LedgerError(f"cannot use line {number} of {path}: {error}.") from error


def _values_of(line: bytes) -> Any:
    """The line as JSON.

    orjson takes a third of the time of ``json``, and leaves two things to it: what only ``json`` takes, such as NaN,
    and whole numbers of more than 64 bits, which it rounds; of a record, the FLOPs of a step could be as many.
    """
    try:
        values = orjson.loads(line)
    except ValueError:
        return json.loads(line)
    flops = values.get("flops") if isinstance(values, dict) else None
    if isinstance(flops, dict) and isinstance(flops.get("per_step"), float):
        return json.loads(line)
    return values
