"""What the signature of a user's function says about its law."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ladderscope.errors import UsageError

AXES = ("N", "T", "D", "C", "S", "R", "X")
"""Names that mean a predictor where a function's first arguments have them: those of the table's predictors."""


@dataclass(frozen=True, slots=True)
class LawSignature:
    """The arguments of ``f(x, b1, b2)``, ``f(N, D, a, b)`` or ``f(x, parameters)``.

    Attributes:
        predictors: names of the first arguments.
        parameters: names of the others, or of the entries of the one array that they are (``as_array``).
        starts: defaults of the parameters.
    """

    predictors: tuple[str, ...]
    parameters: tuple[str, ...]
    starts: dict[str, float]
    as_array: bool = False


def read_signature(
    function: Callable[..., Any], predictors: Sequence[str] | None, parameters: Sequence[str] | None
) -> LawSignature:
    """What the arguments of ``function`` are.

    Args:
        predictors: what the first arguments are, where their names do not say it: without it, they are all leading
            arguments called as in :data:`AXES`, or else the first one.
        parameters: the names of the parameters, where the function takes them as one array.

    Raises:
        UsageError: the arguments cannot be told apart.
    """
    name = getattr(function, "__name__", "the law")
    arguments = _arguments(function, name)
    found = tuple(predictors) if predictors is not None else _leading_axes(arguments)
    rest = arguments[len(found) :]
    if not rest:
        raise UsageError(f"{name} has no parameters: write it as {name}(x, b1, b2, ...).")
    starts = {one.name: float(one.default) for one in rest if one.default is not inspect.Parameter.empty}
    names = tuple(one.name for one in rest)
    if parameters is None or tuple(parameters) == names:
        return LawSignature(found, names, starts)
    if len(rest) == 1:
        return LawSignature(found, tuple(parameters), {}, as_array=True)
    raise UsageError(f"{name} takes the parameters {', '.join(names)}, but {', '.join(parameters)} are named.")


def _arguments(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise UsageError(f"{name} does not say which arguments it takes: wrap it in a def.") from None
    if any(one.kind not in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in arguments):
        raise UsageError(f"{name} must name each of its parameters: {name}(x, b1, b2, ...), without * and **.")
    return arguments


def _leading_axes(arguments: list[inspect.Parameter]) -> tuple[str, ...]:
    leading: list[str] = []
    for argument in arguments:
        if argument.name not in AXES:
            break
        leading.append(argument.name)
    # A law of one predictor may call it as it likes; what no column is called must be asked for.
    return tuple(leading) or tuple(argument.name for argument in arguments[:1])
