"""How far a fit has come, in parts of about the same length."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Progress:
    """Calls ``on_progress`` with the share of ``parts`` that are done and what is at work, before and after each."""

    def __init__(self, parts: int, on_progress: Callable[[float, str], None] | None) -> None:
        self._parts = max(parts, 1)
        self._done = 0
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

    def _tell(self, what: str) -> None:
        if self._on_progress:
            self._on_progress(self._done / self._parts, what)
