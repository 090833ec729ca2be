"""Expressions over columns: ``flops / (6 * params)``, ``N > 1e6 and method in ['lora', 'qlora']``.

Arithmetic, comparisons, ``and``, ``or``, ``not``, ``in`` lists, numbers and quoted text; names with spaces stand in
backticks. They are parsed by Python and evaluated here, node by node, so that there is nothing else they could do.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype

from ladderscope.errors import UsageError
from ladderscope.tables.cells import as_numbers, is_text

Lookup = Callable[[str], "pd.Series[Any]"]
Value = Any
"""A series of numbers, texts or truth values, or one of them."""

LONGEST = 2000
NUMBER, TEXT, TRUTH = "a number", "text", "true or false"
ALLOWED = "columns, numbers, quoted text, + - * / % **, comparisons, and, or, not, in [...]; `a name` in backticks"
_QUOTED_OR_NAME = re.compile(r"'[^']*'|\"[^\"]*\"|`([^`]+)`")

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True)
class Expression:
    """An expression that has been parsed; ``placeholders`` are what identifiers of our own stand for."""

    text: str
    placeholders: dict[str, str]
    _body: ast.expr

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Parse ``text``.

        Raises:
            UsageError: it is no expression.
        """
        names: dict[str, str] = {}

        def identifier(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0]
            placeholder = f"_in_backticks_{len(names)}"
            names[placeholder] = found[1]
            return placeholder

        source = _QUOTED_OR_NAME.sub(identifier, text).strip()
        if not source or len(source) > LONGEST:
            raise UsageError(f"cannot understand the expression {text[:80]!r}: it holds {ALLOWED}.")
        try:
            body = ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UsageError(f"cannot understand the expression {text[:80]!r}: it holds {ALLOWED}.") from error
        return cls(text, names, body)

    def names(self) -> list[str]:
        """The columns that it is about."""
        found = (node.id for node in ast.walk(self._body) if isinstance(node, ast.Name))
        return list(dict.fromkeys(self.placeholders.get(name, name) for name in found))

    def value(self, lookup: Lookup) -> Value:
        """The value, with columns from ``lookup``.

        Raises:
            UsageError: it holds what is not allowed, or mixes numbers with text; what ``lookup`` raises.
        """
        try:
            with np.errstate(all="ignore"):
                return self._of(self._body, lookup)
        except RecursionError as error:
            raise UsageError(f"the expression {self.text[:80]!r} is nested too deeply: split it.") from error

    def condition(self, lookup: Lookup) -> pd.Series[bool]:
        """The value, which must be a truth value for each row; a missing value fulfils no comparison but ``!=``.

        Raises:
            UsageError: as for :meth:`value`; it is no condition.
        """
        value = self.value(lookup)
        if not (isinstance(value, pd.Series) and is_bool_dtype(value)):
            raise UsageError(f'{self.text!r} is not a condition on columns: write one such as "N > 1e6".')
        return value.astype(bool)

    def _of(self, node: ast.expr, lookup: Lookup) -> Value:
        if isinstance(node, ast.Name):
            return lookup(self.placeholders.get(node.id, node.id))
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | str):
            return node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return self._literal(node.value)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = (self._number(side, lookup) for side in (node.left, node.right))
            return _ARITHMETIC[type(node.op)](left, right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            return self._joined([node.left, node.right], isinstance(node.op, ast.BitAnd), lookup)
        if isinstance(node, ast.BoolOp):
            return self._joined(node.values, isinstance(node.op, ast.And), lookup)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Not | ast.Invert):
                return ~self._truth(node.operand, lookup)
            number = self._number(node.operand, lookup)
            return -number if isinstance(node.op, ast.USub) else number
        if isinstance(node, ast.Compare):
            return self._compared(node, lookup)
        raise UsageError(f"{self._quoted(node)} is not allowed in {self.text[:80]!r}: expressions hold {ALLOWED}.")

    def _literal(self, value: int | float) -> np.float64:
        try:
            return np.float64(value)
        except OverflowError as error:
            raise UsageError(
                f"{str(value)[:20]}..., of {len(str(value))} digits, in {self.text[:80]!r} is more than a number can "
                "be here: write one below 1e308."
            ) from error

    def _number(self, node: ast.expr, lookup: Lookup) -> Value:
        value = self._of(node, lookup)
        if isinstance(value, pd.Series) and not is_bool_dtype(value):
            return as_numbers(value, self._quoted(node))
        if isinstance(value, np.float64):
            return value
        raise UsageError(f"{self._quoted(node)} in {self.text!r} is not a number: arithmetic needs numbers.")

    def _truth(self, node: ast.expr, lookup: Lookup) -> Value:
        value = self._of(node, lookup)
        if isinstance(value, pd.Series) and is_bool_dtype(value):
            return value.astype(bool)
        raise UsageError(
            f"{self._quoted(node)} in {self.text!r} is not a condition: and, or, not join comparisons such as N > 1e6 "
            "(in parentheses beside & and |)."
        )

    def _joined(self, nodes: list[ast.expr], every: bool, lookup: Lookup) -> Value:
        first, *others = (self._truth(node, lookup) for node in nodes)
        for other in others:
            first = first & other if every else first | other
        return first

    def _compared(self, node: ast.Compare, lookup: Lookup) -> Value:
        sides = [node.left, *node.comparators]
        found = None
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            one = self._is_in(left, op, right, lookup) if isinstance(op, ast.In | ast.NotIn) else None
            if one is None:
                one = self._ordered(left, op, right, lookup)
            found = one if found is None else found & one
        return found

    def _is_in(self, left: ast.expr, op: ast.cmpop, right: ast.expr, lookup: Lookup) -> Value:
        if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
            raise UsageError(f"{self._quoted(right)} in {self.text!r} is not a list: write one such as ['a', 'b'].")
        found = [self._ordered(left, ast.Eq(), item, lookup) for item in right.elts]
        inside = found[0]
        for one in found[1:]:
            inside = inside | one
        return inside if isinstance(op, ast.In) else ~inside

    def _ordered(self, left: ast.expr, op: ast.cmpop, right: ast.expr, lookup: Lookup) -> Value:
        if type(op) not in _ORDER:
            raise UsageError(f"`is` is not allowed in {self.text!r}: compare with ==.")
        a, b = self._of(left, lookup), self._of(right, lookup)
        # Columns of numbers that hold a word somewhere come as text.
        a = as_numbers(a, self._quoted(left)) if _is_text_column(a) and _kind(b) == NUMBER else a
        b = as_numbers(b, self._quoted(right)) if _is_text_column(b) and _kind(a) == NUMBER else b
        if _kind(a) != _kind(b):
            raise UsageError(
                f"{self._quoted(left)} and {self._quoted(right)} in {self.text!r} cannot be compared: one is "
                f"{_kind(a)}, the other {_kind(b)}."
            )
        a, b = (side.where(side.notna(), "").astype(str) if _is_text_column(side) else side for side in (a, b))
        return _ORDER[type(op)](a, b)

    def _quoted(self, node: ast.expr) -> str:
        text = ast.unparse(node)
        for placeholder, name in self.placeholders.items():
            text = text.replace(placeholder, name)
        return text if len(text) <= 60 else f"{text[:57]}..."


def _is_text_column(value: Value) -> bool:
    return isinstance(value, pd.Series) and is_text(value)


def _kind(value: Value) -> str:
    if isinstance(value, pd.Series):
        return TEXT if is_text(value) else TRUTH if is_bool_dtype(value) else NUMBER
    return TRUTH if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER
