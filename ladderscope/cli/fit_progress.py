"""Shows a fit in the making on standard error: a bar with what is at work and the time left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import TextColumn

from ladderscope.cli.bar import AVERAGED_SECONDS, StoppableBar, time_left

CHECKED_SECONDS = 1.0


class FitProgress(StoppableBar):
    """Progress as a share of the work; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            TextColumn("{task.percentage:3.0f}% {task.description}"),
            *time_left(),
            speed_estimate_period=AVERAGED_SECONDS,
        )
        self._task = self._bar.add_task("fit", total=1.0)

    def tick(self, share: float, at_work: str) -> None:
        """A ``share`` of the work is done, and ``at_work`` is next.

        Raises:
            KeyboardInterrupt: the user has asked to stop.
        """
        self._bar.update(self._task, completed=share, description=at_work)
        self.check()

    @contextmanager
    def stops_on_interrupt(self) -> Iterator[None]:
        """Inside, Ctrl-C (or SIGTERM) stops at the next tick or, between ticks, at the next second.

        Some parts of a fit take longer than a user waits, and a fit leaves nothing behind that could be half done.
        """
        with super().stops_on_interrupt(), _every_second(self):
            yield


@contextmanager
def _every_second(bar: StoppableBar) -> Iterator[None]:
    """Inside, ``bar`` is checked each second: again and again, in case that an exception is lost in a callback."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    previous = signal.signal(signal.SIGALRM, lambda *_: bar.check())
    signal.setitimer(signal.ITIMER_REAL, CHECKED_SECONDS, CHECKED_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if previous is None else previous)
