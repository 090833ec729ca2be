"""Shows a plan in the making on standard error: a bar with the time left, on a terminal alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ladderscope.cli.bar import ShownBar
from ladderscope.interrupts import on_interrupt


class PlanProgress(ShownBar):
    """Progress in predictions, of which only about how many there will be is known; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            TextColumn("{task.completed:.0f} of about {task.total:.0f} predictions"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            speed_estimate_period=3600.0,  # the first prediction is slower than the others: average over many
        )
        self._task = self._bar.add_task("plan", total=1)
        self._total = 1.0
        self._stopping = False

    def expect(self, total: int) -> None:
        """There will be about so many predictions."""
        self._total = total
        self._bar.update(self._task, total=total)

    def tick(self, done: float) -> None:
        """So many predictions are done.

        Raises:
            KeyboardInterrupt: the user has asked to stop.
        """
        self._bar.update(self._task, completed=done, total=max(self._total, done))
        if self._stopping:
            raise KeyboardInterrupt

    @contextmanager
    def stops_on_interrupt(self) -> Iterator[None]:
        """Inside, Ctrl-C (or SIGTERM) stops at the next tick, the second one at once.

        An exception that came at any time could be lost in a callback of Python's memory management.
        """

        def handle() -> None:
            if self._stopping:
                raise KeyboardInterrupt
            self._stopping = True
            self.say("Stopping within seconds; Ctrl-C again stops at once.")

        with on_interrupt(handle):
            yield
