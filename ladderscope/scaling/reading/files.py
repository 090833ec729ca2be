"""Tables and ledgers as files: CSV, JSON lines and Parquet, told apart by what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ladderscope.errors import UsageError
from ladderscope.scaling.reading.csv_cells import read_csv

Kind = Literal["ledger", "json lines", "parquet", "csv"]

PARQUET_START = b"PAR1"
_FIRST_BYTES = 1 << 16


def kind_of(path: Path) -> Kind:
    """What ``path`` holds, by its first bytes.

    Raises:
        UsageError: it cannot be read, or is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from error
    if start.startswith(PARQUET_START):
        return "parquet"
    if path.suffix.lower() in (".parquet", ".pq"):
        raise UsageError(f"{path} is not a Parquet file: give one, or a table as CSV or JSON lines.")
    text = start.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise UsageError(f"{path} is empty: give a ledger, or a table as CSV, JSON lines or Parquet.")
    if text.startswith("["):
        raise UsageError(f"{path} is a JSON array: write one object on each line, or a CSV or Parquet table.")
    if text.startswith("{"):
        # `ladderscope profile` writes the schema version first; only records have a cell beside it.
        return "ledger" if text.startswith('{"schema_version":') and '"cell"' in text else "json lines"
    return "csv"


def read_rows(path: Path, kind: Kind) -> pd.DataFrame:
    """The table at ``path``; its index counts rows from 1 (below the header).

    Raises:
        UsageError: it cannot be read, has no rows, or names a column twice.
    """
    readers = {"csv": read_csv, "json lines": _read_json_lines, "parquet": _read_parquet}
    table = readers[kind](path)
    if table.empty:
        raise UsageError(f"{path} has no rows: a law needs points.")
    table.columns = [str(name).strip() for name in table.columns]
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise UsageError(f"{path} has two columns called {twice!r}: rename one of them.")
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"line {number} of {path} is not JSON: write one object on each line.") from error
        if not isinstance(row, dict):
            raise UsageError(f"line {number} of {path} is not a JSON object: write one object on each line.")
        rows.append(row)
    return pd.json_normalize(rows)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a Parquet file that can be read: {_first_line(error)}.") from error
    return table.reset_index() if table.index.name else table


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it is damaged"])[0].rstrip(".")
