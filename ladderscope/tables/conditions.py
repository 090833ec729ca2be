"""Conditions of ``--where``: expressions over columns, or in short ``method=qlora,ladder``, ``seq-len=512:4096``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.tables.cells import is_text, text_of
from ladderscope.tables.expressions import Expression, Lookup

_IN_SHORT = re.compile(r"\s*(?:(?P<name>[A-Za-z_][\w-]*)|`(?P<quoted>[^`]+)`)\s*=(?!=)(?P<values>.*)", re.DOTALL)
_VALUES = re.compile(r"\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<plain>[^,]*?))\s*(?:,|$)")
NONE = "none"
"""Of some columns a value like any other: ``quantization``, ``parallel``."""
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


class Condition(Protocol):
    """What holds for some rows of a table."""

    def names(self) -> list[str]:
        """The columns that it is about, as the user wrote them."""
        ...

    def condition(self, lookup: Lookup) -> pd.Series[bool]:
        """Whether it holds, row by row, with columns from ``lookup``.

        Raises:
            UsageError: it mixes numbers with text, or is no condition; what ``lookup`` raises.
        """
        ...


def parse_condition(text: str) -> Condition:
    """A condition as ``--where`` has it.

    ``NAME=VALUES`` is in short what expressions say with ``in`` and ``<=``: values are separated by commas, and one
    of them must hold. A value is a number, a range of numbers ``LOW:HIGH`` that holds both ends and may lack one,
    ``none`` for what is missing or says so itself, or text, in which ``*`` and ``?`` stand for any characters.
    Everything else is an expression.

    Raises:
        UsageError: it is neither.
    """
    found = _IN_SHORT.fullmatch(text)
    if found is None:
        return Expression.parse(text)
    values = [_value(one) for one in _VALUES.finditer(found["values"]) if one.start() < len(found["values"])]
    if not values or not all(value.text or value.is_quoted for value in values):
        raise UsageError(
            f"{text!r} lacks a value: write one or several, as in method=qlora,ladder or seq-len=512:4096."
        )
    return Choice(text, found["name"] or found["quoted"], tuple(values))


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    is_quoted: bool

    @property
    def is_none(self) -> bool:
        """Whether it stands for cells that hold nothing, or the word."""
        return self.text.lower() == NONE and not self.is_quoted

    def bounds(self) -> tuple[float, float] | None:
        """Lowest and highest number, or ``None`` where it is no range."""
        low, colon, high = self.text.partition(":")
        try:
            ends = (float(low or "-inf"), float(high or "inf"))
        except ValueError:
            return None
        return ends if colon and (low or high) and not self.is_quoted else None


@dataclass(frozen=True, slots=True)
class Choice:
    """A column, and values of which it must have one."""

    text: str
    name: str
    values: tuple[_Value, ...]

    def names(self) -> list[str]:
        """See :class:`Condition`."""
        return [self.name]

    def condition(self, lookup: Lookup) -> pd.Series[bool]:
        """See :class:`Condition`."""
        column = _column(self.name, lookup)
        met = self._is_text if is_text(column) else self._is_truth if is_bool_dtype(column) else self._is_number
        holds = [_is_none(column) if value.is_none else met(column, value) for value in self.values]
        return pd.Series(np.logical_or.reduce(holds), index=column.index, dtype=bool)

    def _is_text(self, column: pd.Series[Any], value: _Value) -> Any:
        if value.bounds() is not None and (numbers := _all_numbers(column)) is not None:
            return self._is_number(numbers, value)
        texts = column.map(text_of, na_action="ignore")
        if not value.is_quoted and any(special in value.text for special in "*?"):
            wanted = [one for one in texts.dropna().unique() if fnmatchcase(one, value.text)]
            return texts.isin(wanted)
        return (texts == value.text) & texts.notna()

    def _is_truth(self, column: pd.Series[Any], value: _Value) -> Any:
        if value.text.lower() not in _TRUTH:
            raise UsageError(f"{self.name} is true or false, and {self.text!r} asks for {value.text!r}.")
        return column == _TRUTH[value.text.lower()]

    def _is_number(self, column: pd.Series[Any], value: _Value) -> Any:
        if (bounds := value.bounds()) is not None:
            return (column >= bounds[0]) & (column <= bounds[1])
        try:
            return column == float(value.text)
        except ValueError:
            raise UsageError(
                f"{self.name} is a number, and {self.text!r} asks for {value.text!r}: give numbers, or a range as in "
                f"{self.name}=512:4096."
            ) from None


def _column(name: str, lookup: Lookup) -> pd.Series[Any]:
    """``seq-len`` as options spell it is the column ``seq_len``."""
    try:
        return lookup(name)
    except UnknownNameError:
        if "-" not in name:
            raise
        return lookup(name.replace("-", "_"))


def _is_none(column: pd.Series[Any]) -> Any:
    missing = column.isna()
    return missing | (column.astype(str).str.lower() == NONE) if is_text(column) else missing


def _all_numbers(column: pd.Series[Any]) -> pd.Series[float] | None:
    """A column of text as numbers, or ``None`` where it holds a word."""
    numbers = pd.to_numeric(column, errors="coerce")
    return None if (numbers.isna() & column.notna()).any() else numbers.astype(float)


def _value(found: re.Match[str]) -> _Value:
    quoted = found["single"] if found["single"] is not None else found["double"]
    return _Value(found["plain"] or "", is_quoted=False) if quoted is None else _Value(quoted, is_quoted=True)
