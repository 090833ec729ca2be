"""Records as a flat table for users of pandas: Parquet or CSV, a row for each, columns by their stable names."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ladderscope.errors import UsageError
from ladderscope.ledger.columns import COLUMNS, RecordColumn
from ladderscope.records import Record
from ladderscope.whole_files import write_bytes_atomically

_TYPES: dict[str, Any] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "time": pa.timestamp("s", tz="UTC"),
    "numbers": pa.list_(pa.float64()),
    "texts": pa.list_(pa.string()),
}

# Arrow refuses whole numbers of more than 53 bits as floats, and text that is none.
_CASTS: dict[str, Callable[[Any], Any]] = {"text": str, "number": float}


def export_records(records: Sequence[Record], path: Path) -> None:
    """Write ``records`` to ``path``, which ends in ``.parquet`` or ``.csv``; what is missing is null, or empty.

    CSV has no columns of lists. The file is whole or not there; an old one is replaced.

    Raises:
        UsageError: another ending, or a file that cannot be written.
    """
    check_ending(path)
    columns = [column for column in COLUMNS.values() if path.suffix == ".parquet" or not column.is_list]
    buffer = io.BytesIO()
    _WRITERS[path.suffix](_table(records, columns), buffer)
    write_bytes_atomically(path, buffer.getvalue())


def check_ending(path: Path) -> None:
    """Refuse a file whose name does not say what it is to be.

    Raises:
        UsageError: it ends in neither ``.parquet`` nor ``.csv``.
    """
    if path.suffix not in _WRITERS:
        raise UsageError(f"{path} ends in neither .parquet nor .csv: choose an --out that does.")


def _table(records: Sequence[Record], columns: Sequence[RecordColumn]) -> Any:
    fields = [pa.field(one.name, _TYPES[one.kind], metadata={"meaning": one.meaning}) for one in columns]
    return pa.Table.from_arrays([_array(records, one) for one in columns], schema=pa.schema(fields))


def _array(records: Sequence[Record], column: RecordColumn) -> Any:
    values = [column.of(record) for record in records]
    cast = _CASTS.get(column.kind)
    try:
        values = values if cast is None else [None if value is None else cast(value) for value in values]
        return pa.array(values, type=_TYPES[column.kind])
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(
            f"{column.name} ({column.meaning}) is not of its kind in every record ({error}): leave such records out "
            "with --where."
        ) from error


_WRITERS: dict[str, Callable[[Any, io.BytesIO], None]] = {
    ".parquet": lambda table, file: pyarrow.parquet.write_table(table, file, compression="zstd"),
    ".csv": lambda table, file: pyarrow.csv.write_csv(table, file),
}
