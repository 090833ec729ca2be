"""What callers may write in short: one name for a list, ``ladder:qlora`` for a pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ladderscope.errors import UsageError

Pairs = Sequence[tuple[str, str]] | Sequence[str] | str
"""Of groups to compare: ``("ladder", "qlora")`` or ``"ladder:qlora"`` each, one such text alone, or ``"all"``."""
ALL: Literal["all"] = "all"


def names_in(given: Sequence[str] | str) -> tuple[str, ...]:
    """``"N,D"`` or ``["N", "D"]`` as names."""
    texts = [given] if isinstance(given, str) else given
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def pairs_in(given: Pairs) -> list[tuple[str, str]] | Literal["all"]:
    """Pairs of names, first against second.

    Raises:
        UsageError: one is no pair.
    """
    pairs: Sequence[Any] = [given] if isinstance(given, str) else given
    return ALL if ALL in pairs else [_pair(one) for one in pairs]


def _pair(given: Any) -> tuple[str, str]:
    found = [part.strip() for part in given.split(":", 1)] if isinstance(given, str) else list(given)
    if len(found) != 2 or not all(found) or found[0] == found[1]:
        raise UsageError(f"--compare {given!r} is not two methods: write one such as ladder:qlora, or all.")
    return found[0], found[1]
