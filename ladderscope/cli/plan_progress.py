"""Shows a plan in the making on standard error: a bar with the time left, or now and then a line."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import TextColumn

from ladderscope.cli.bar import AVERAGED_SECONDS, StoppableBar, time_left

_SECONDS_PER_LINE = 15.0
"""Where no bar can be drawn."""


class PlanProgress(StoppableBar):
    """Progress in predictions, of which it is known only about how many there will be; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            TextColumn("{task.completed:.0f} of about {task.total:.0f} predictions"),
            *time_left(),
            speed_estimate_period=AVERAGED_SECONDS,
        )
        self._task = self._bar.add_task("plan", total=1)
        self._total = 1.0
        self._said_at = time.monotonic()

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
        if not self._console.is_terminal and time.monotonic() - self._said_at > _SECONDS_PER_LINE:
            self._said_at = time.monotonic()
            self.say(f"{done:.0f} of about {max(self._total, done):.0f} predictions")
        self.check()
