"""A progress bar on standard error: drawn on a terminal alone, and gone when the work is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from ladderscope.interrupts import on_interrupt

_ECHO_CELLS = 4
"""Kept free at the end of a line: terminals echo ``^C`` there, and a line that wraps would not be erased."""


AVERAGED_SECONDS = 3600.0
"""For the time left of such work: all that has been done."""


@contextmanager
def preparing(console: Console, what: str = "Starting") -> Iterator[None]:
    """Say on a terminal, until it is done, that something goes on: imports alone take seconds."""
    if not console.is_terminal:
        yield
        return
    with console.status(f"{what} ..."):
        yield


def time_left() -> tuple[ProgressColumn, ...]:
    """The columns of work whose parts differ: bar, time gone, time left."""
    return BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()


class _Narrower(Progress):
    """Leaves the last cells of its lines empty; ``below`` gives the lines under the bar, at each refresh."""

    def __init__(
        self, *columns: ProgressColumn, console: Console, below: Callable[[], Sequence[str]], **settings: Any
    ) -> None:
        self._shown_on, self._below = console, below
        super().__init__(*columns, console=console, **settings)

    def get_renderables(self) -> Iterable[RenderableType]:
        width = max(1, self._shown_on.width - _ECHO_CELLS)
        yield Constrain(self.make_tasks_table(self.tasks), width)
        for line in self._below():
            yield Constrain(Text(line, style="dim", no_wrap=True, overflow="ellipsis"), width)


class ShownBar:
    """What every bar of the commands does; use it as a context manager."""

    def __init__(self, console: Console, *columns: ProgressColumn, **settings: Any) -> None:
        self._console = console
        shown = {"transient": True, "disable": not console.is_terminal}
        self._bar = _Narrower(*columns, console=console, below=self.below, **shown, **settings)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def below(self) -> Sequence[str]:
        """Lines under the bar. Asked for by the thread that draws: it must not wait for a lock."""
        return ()

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(escape(message), highlight=False, soft_wrap=True)


class StoppableBar(ShownBar):
    """A bar of work that stops at its next tick where the user asks for it."""

    _stopping = False

    def check(self) -> None:
        """Go on, or not.

        Raises:
            KeyboardInterrupt: the user has asked to stop.
        """
        if self._stopping:
            raise KeyboardInterrupt

    @contextmanager
    def stops_on_interrupt(self) -> Iterator[None]:
        """Inside, Ctrl-C (or SIGTERM) stops at the next tick, the second one at once.

        An exception that came at any time could be lost in a callback of Python's memory management.
        """

        def handle() -> None:
            self.check()
            self._stopping = True
            self.say("Stopping within seconds; Ctrl-C again stops at once.")

        with on_interrupt(handle):
            yield
