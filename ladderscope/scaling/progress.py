"""How far a fit has come, in parts of about the same length."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Progress:
    """Calls ``on_progress`` with the share of ``parts`` that are done and what is at work: before and after each, and
    at the steps within it that are counted (:meth:`steps`).
    """

    def __init__(self, parts: int, on_progress: Callable[[float, str], None] | None) -> None:
        self._parts = max(parts, 1)
        self._done = 0
        self._at_work = ""
        self._on_progress = on_progress

    def during(
        self, what: str, work: Callable[_Given, _Result], /, *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        """What ``work`` returns for its arguments: one part."""
        self._tell(what)
        result = work(*args, **kwargs)
        self._done += 1
        self._tell(what)
        return result

    def steps(self, total: int) -> Callable[[int], None]:
        """What the work of the part at hand calls with the number of steps, out of ``total``, that it has finished."""
        taken = 0

        def advance(steps: int) -> None:
            nonlocal taken
            taken = min(taken + steps, total)
            self._tell(self._at_work, taken / total if total else 0.0)

        return advance

    def _tell(self, what: str, share: float = 0.0) -> None:
        self._at_work = what
        if self._on_progress:
            self._on_progress((self._done + share) / self._parts, what)
