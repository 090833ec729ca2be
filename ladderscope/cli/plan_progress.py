"""Shows a plan in the making on standard error: a bar with the time left, on a terminal alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class PlanProgress:
    """Progress in predictions, of which only about how many there will be is known; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.completed:.0f} of about {task.total:.0f} predictions"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            speed_estimate_period=3600.0,  # the first prediction is slower than the others: average over many
        )
        self._task = self._bar.add_task("plan", total=1)
        self._total = 1.0
        self._stopping = False

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

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

        def handle(number: int, frame: FrameType | None) -> None:
            if self._stopping:
                raise KeyboardInterrupt
            self._stopping = True
            self._bar.console.print("Stopping within seconds; Ctrl-C again stops at once.", highlight=False)

        previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
