"""A progress bar on standard error: drawn on a terminal alone, and gone when the work is."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn


class ShownBar:
    """What every bar of the commands does; use it as a context manager."""

    def __init__(self, console: Console, *columns: ProgressColumn, **settings: Any) -> None:
        self._console = console
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal, **settings)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(escape(message), highlight=False, soft_wrap=True)
