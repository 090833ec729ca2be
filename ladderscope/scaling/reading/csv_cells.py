"""CSV with exact numbers, and with rows that do not fit their header named: pandas would guess around them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ladderscope.errors import UsageError

MISSING = ("", "na", "n/a", "nan", "null", "none")
_TRUTH = {"true": True, "false": False}
_IDENTIFIER = re.compile(r"0\d+")


def read_csv(path: Path) -> pd.DataFrame:
    """The table at ``path``, separated by commas, or by tabs where the header has any.

    Raises:
        UsageError: it is not text in UTF-8, or a row has more or fewer fields than the header.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig").lstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8: save it as CSV in UTF-8, or as Parquet.") from error
    separator = "\t" if "\t" in text.partition("\n")[0] else ","
    try:
        header, *rows = (row for row in csv.reader(io.StringIO(text), delimiter=separator) if row)
    except csv.Error as error:
        raise UsageError(f"{path} is not a table that can be read: {error}.") from error
    if len(header) == 1 and ";" in header[0]:
        raise UsageError(f"{path} seems to be separated by semicolons: save it with commas or tabs between fields.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise UsageError(
                f"row {number} of {path} has {len(row)} fields and its header has {len(header)}: quote fields that "
                f"hold a {'tab' if separator != ',' else 'comma'}."
            )
    if len(set(header)) < len(header):
        return pd.DataFrame(rows, columns=header)  # to be refused
    return pd.DataFrame({name: _typed([row[i] for row in rows]) for i, name in enumerate(header)})


def _typed(cells: Sequence[str]) -> pd.Series[Any]:
    """The cells as numbers or truth values where all are; names such as ``007`` stay as they are."""
    plain = [cell.strip() for cell in cells]
    known = [cell for cell in plain if cell.lower() not in MISSING]
    if known and all(cell.lower() in _TRUTH for cell in plain):
        return pd.Series([_TRUTH[cell.lower()] for cell in plain], dtype=bool)
    if known and not any(_IDENTIFIER.fullmatch(cell) for cell in known):
        try:
            return pd.Series([float("nan") if cell.lower() in MISSING else float(cell) for cell in plain], dtype=float)
        except ValueError:
            pass
    return pd.Series([cell or None for cell in plain], dtype=object)
