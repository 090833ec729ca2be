"""The cells of columns as numbers, text and truth values; whatever is none of these is named by its row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ladderscope.errors import UsageError

SHOWN = 5
"""Rows that a sentence names."""
_OUT_OF_MEMORY = ("oom", "out of memory", "cuda oom")
_FITTED = ("ok", "fits", "fitted", "done", "success", "completed", "finished")
_TRUE = ("true", "1", "yes", *_OUT_OF_MEMORY)
_FALSE = ("false", "0", "no", *_FITTED)


def is_text(column: pd.Series[Any]) -> bool:
    """Whether a column holds anything but numbers and truth values."""
    return not is_numeric_dtype(column) and not is_bool_dtype(column)


def as_numbers(column: pd.Series[Any], name: str) -> pd.Series[float]:
    """The cells as floats; missing ones are NaN.

    Raises:
        UsageError: a cell is not a number.
    """
    if is_bool_dtype(column):
        return column.astype(float)
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    spelled = column.astype(str).str.strip().str.lower().isin(["nan", ""])
    wrong = numbers.isna() & column.notna() & ~spelled
    if wrong.any():
        raise UsageError(
            f"{name} is not a number in {rows(column.index[wrong])} ({str(column[wrong].iloc[0])!r}): correct the "
            "table, or leave such rows out with --where."
        )
    return numbers


def as_texts(column: pd.Series[Any], name: str) -> pd.Series[str]:
    """The cells as text; whole numbers without a point.

    Raises:
        UsageError: a cell is missing.
    """
    if (missing := column.isna()).any():
        raise UsageError(
            f"{name} is missing in {rows(column.index[missing])}: fill it in, or leave such rows out with --where."
        )
    return column.map(text_of).astype(object)


def as_flags(column: pd.Series[Any], name: str) -> pd.Series[bool]:
    """The cells as truth values: true or false, 1 or 0, yes or no, oom or ok.

    Raises:
        UsageError: a cell is none of these.
    """
    plain = _plain(as_texts(column, name))
    wrong = ~plain.isin([*_TRUE, *_FALSE])
    if wrong.any():
        raise UsageError(
            f"{name} is neither true (oom) nor false (ok) in {rows(column.index[wrong])} "
            f"({str(column[wrong].iloc[0])!r}): correct the table, or leave such rows out with --where."
        )
    return plain.isin(_TRUE)


def is_outcome(column: pd.Series[Any]) -> bool:
    """Whether all cells say that a run fitted, or that it ran out of memory, in words."""
    return bool(column.notna().all()) and bool(_plain(column.map(text_of)).isin([*_OUT_OF_MEMORY, *_FITTED]).all())


def _plain(texts: pd.Series[str]) -> pd.Series[str]:
    return texts.str.strip().str.lower().str.replace(r"[\s_-]+", " ", regex=True)


def rows(labels: Iterable[object]) -> str:
    """``'row 3'``, ``'rows 3 and 7'``, ``'rows 1, 2, 3, 4, 5 and 12 others'``."""
    names = [str(label) for label in labels]
    kind = "row" if len(names) == 1 else "rows"
    return f"{kind} {listed(names)}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, those beyond the first few as a number."""
    shown = list(names) if len(names) <= SHOWN + 1 else [*names[:SHOWN], f"{len(names) - SHOWN} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def text_of(cell: Any) -> str:
    """A cell as text: whole numbers without a point, a missing one as ``None``."""
    if pd.isna(cell):
        return "None"
    if isinstance(cell, float | np.floating) and float(cell).is_integer() and abs(float(cell)) < 1e15:
        return str(int(cell))
    return str(cell)
