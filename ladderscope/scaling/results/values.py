"""Result dataclasses as JSON values and back, by their type hints.

JSON has no infinity and no NaN: such numbers are written as ``null``. Where a field may be ``None`` they come back as
``None``, elsewhere as NaN. Everything else comes back as it was.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

_Result = TypeVar("_Result")


class NotThisTypeError(ValueError):
    """JSON values that are not those of the dataclass they are read as."""


def to_values(result: Any) -> Any:
    """A result dataclass, or anything inside of one, as JSON values."""
    if isinstance(result, str | bool | int | None):
        return result
    if isinstance(result, Mapping):
        return {str(key): to_values(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [to_values(value) for value in result]
    if dataclasses.is_dataclass(result):
        return {field.name: to_values(getattr(result, field.name)) for field in dataclasses.fields(result)}
    if hasattr(result, "tolist"):  # of NumPy
        return to_values(result.tolist())
    return float(result) if math.isfinite(result) else None


def from_values(cls: type[_Result], values: Any) -> _Result:
    """The dataclass ``cls`` that :func:`to_values` gave ``values`` for.

    Raises:
        NotThisTypeError: a field is missing, unknown or of another type; the message names it.
    """
    result: _Result = _parsed(values, cls, cls.__name__)
    return result


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _parsed(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else _parsed(value, inner, where)
    if origin is Literal:
        return _checked(value, value in arguments, where, f"one of {', '.join(map(str, arguments))}")
    if origin is list:
        _checked(value, isinstance(value, list), where, "a list")
        return [_parsed(item, arguments[0], where) for item in value]
    if origin is tuple:
        _checked(value, isinstance(value, list) and len(value) == len(arguments), where, f"{len(arguments)} values")
        return tuple(_parsed(item, argument, where) for item, argument in zip(value, arguments, strict=True))
    if origin is dict:
        _checked(value, isinstance(value, dict), where, "an object")
        return {key: _parsed(item, arguments[1], f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return _parsed_dataclass(value, typing.cast(type, hint), where)
    if hint is float:
        _checked(value, value is None or (isinstance(value, int | float) and value is not True), where, "a number")
        return math.nan if value is None else float(value)
    # bool is an int to Python, and never to a reader.
    return _checked(value, type(value) is hint, where, f"of type {getattr(hint, '__name__', hint)}")


def _parsed_dataclass(value: Any, cls: type, where: str) -> Any:
    _checked(value, isinstance(value, dict), where, "an object")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := [name for name in value if name not in fields]:
        raise NotThisTypeError(f"{where} has an unknown field {unknown[0]!r}")
    try:
        return cls(**{name: _parsed(item, _hints(cls)[name], f"{where}.{name}") for name, item in value.items()})
    except TypeError as error:
        raise NotThisTypeError(f"{where} lacks fields ({error})") from error


def _checked(value: Any, is_right: bool, where: str, expected: str) -> Any:
    if not is_right:
        raise NotThisTypeError(f"{where} is not {expected}")
    return value
