"""Which column, or expression over columns, plays which role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.reading.roles import ROLES, column_of, role_named
from ladderscope.tables.conditions import parse_condition
from ladderscope.tables.expressions import Expression

EXAMPLE = "N=params,D=tokens,loss=loss,run=run_id"
_PARTS = re.compile(r"(?:'[^']*'|\"[^\"]*\"|`[^`]*`|[^,])+")
_OPERATORS = re.compile(r"[()*+<>=&|@{}\[\]]")
_NAME_ALONE = re.compile(r"`([^`]+)`|[^`]+")


def parse_columns(texts: Iterable[str]) -> dict[str, str]:
    """``["N=params,D=flops/(6*params)"]`` as role -> column or expression.

    Raises:
        UsageError: a part is not ``ROLE=COLUMN``, or a role is named twice.
        UnknownNameError: there is no such role.
    """
    found: dict[str, str] = {}
    for part in (part for text in texts for part in _PARTS.findall(text) if part.strip()):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not (name and equals and column):
            raise UsageError(f"cannot understand {part.strip()!r} in --columns: write ROLE=COLUMN as in {EXAMPLE}.")
        role = role_named(name).name
        if role in found:
            raise UsageError(f"--columns names {role} twice: {found[role]!r} and {column!r}; give one of them.")
        found[role] = column
    return found


@dataclass
class Columns:
    """The columns of a table, by their own names and by the roles that they play.

    Attributes:
        own: the table as it was read, its index being what messages call a row.
        given: role -> column or expression, as the user named them.
    """

    own: pd.DataFrame
    given: Mapping[str, str]
    _at_work: list[str] = field(default_factory=list)

    def source_of(self, role: str) -> str | None:
        """The column or expression that plays ``role``; ``None``: none does."""
        if role in self.given:
            return self.given[role]
        found = column_of(ROLES[role], self.own.columns)
        # What the user has given a role to is not taken for another one.
        return None if found in self.given.values() else found

    def role(self, role: str) -> pd.Series[Any]:
        """The values of ``role``, for which :meth:`source_of` has a source.

        Raises:
            UnknownNameError: a column that the table lacks.
            UsageError: its expression is none, or needs its own value.
        """
        source = self.source_of(role)
        assert source is not None
        name = _NAME_ALONE.fullmatch(source)
        plain = name[1] if name and name[1] else source
        if plain in self.own.columns:
            return self.own[plain]
        if role in self._at_work:
            raise self._unknown(source, self.own.columns)
        self._at_work.append(role)
        try:
            value = self._parsed(source).value(self.own_first)
        finally:
            self._at_work.pop()
        return value if isinstance(value, pd.Series) else pd.Series(value, index=self.own.index)

    def _parsed(self, source: str) -> Expression:
        try:
            return Expression.parse(source)
        except UsageError:
            if _OPERATORS.search(source):
                raise
            raise self._unknown(source.strip("`"), self.own.columns) from None

    def own_first(self, name: str) -> pd.Series[Any]:
        """What ``name`` stands for in the expression of a role: a column of the table before another role.

        Raises:
            UnknownNameError: it stands for nothing.
        """
        if name in self.own.columns:
            return self.own[name]
        if name in ROLES and self.source_of(name) is not None:
            return self.role(name)
        raise self._unknown(name, [*map(str, self.own.columns), *self.given])

    def _unknown(self, name: str, known: Iterable[str]) -> UnknownNameError:
        """With the nearest name, and all of the table's columns: the nearest may be far off."""
        error = UnknownNameError("column", name, known)
        if "did you mean" in str(error):
            error.args = (f"{error} The columns are {', '.join(map(str, self.own.columns))}.",)
        return error

    def role_first(self, name: str) -> pd.Series[Any]:
        """What ``name`` stands for in a condition: a role before a column of the table.

        Raises:
            UnknownNameError: it stands for nothing.
        """
        if name in ROLES and self.source_of(name) is not None:
            return self.role(name)
        return self.own_first(name)

    def filtered(self, where: Iterable[str]) -> tuple[Columns, list[str]]:
        """The rows for which every condition holds, and a sentence for each condition.

        Raises:
            UsageError: a condition is none, or leaves nothing.
            UnknownNameError: a condition is about a column that is not there.
        """
        kept, notes = self, []
        for text in where:
            before = len(kept.own)
            holds = parse_condition(text).condition(kept.role_first)
            kept = Columns(kept.own[holds], self.given)
            notes.append(f"The condition {text!r} keeps {len(kept.own)} of {before} points.")
            if kept.own.empty:
                raise UsageError(f"--where {text!r} leaves none of {before} points: loosen it.")
        return kept, notes
