"""Numbers that options hold, refused in one sentence where they are none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from ladderscope.errors import UsageError

Callback = Callable[[click.Context, click.Parameter, Any], Any]


def share(text: str, option: str) -> float:
    """``'10%'`` or ``'0.1'`` as 0.1.

    Raises:
        UsageError: it is no number between 0 and 100%, both excluded.
    """
    plain = text.strip()
    try:
        value = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        such_as = f"{value:g}%" if 1 < value < 100 else "95% or 0.95" if option == "--confidence" else "10% or 0.1"
        raise UsageError(f"{option} {text!r} is not a share: give one above 0% and below 100%, such as {such_as}.")
    return value


def positive(text: str, option: str) -> float:
    """``'1e21'`` as a number.

    Raises:
        UsageError: it is no positive number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option} {text!r} is not a positive number: give one such as 0.001 or 1e21.")
    return value


def whole(smallest: int) -> Callable[[str, str], int]:
    """Reads whole numbers from ``smallest`` on."""

    def read(text: str, option: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = smallest - 1
        if value < smallest:
            raise UsageError(f"{option} {text!r} is not a whole number of at least {smallest}: give one.")
        return value

    return read


def reads(read: Callable[[str, str], Any]) -> Callback:
    """The callback of an option whose text, or each of whose texts, ``read`` turns into a number."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is None:
            return None
        return tuple(read(one, param.opts[0]) for one in value) if param.multiple else read(value, param.opts[0])

    return callback
