"""Shows a plan in the making on standard error: which part of it is at work, and now and then a line."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from ladderscope.cli.bar import StoppableBar
from ladderscope.units import counted

_SECONDS_PER_LINE = 15.0
"""Where no bar can be drawn."""


class PlanProgress(StoppableBar):
    """Progress in parts, whose number is known; how many predictions a part takes is not, and so no time is promised.

    Use it as a context manager.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console, SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._task = self._bar.add_task("", total=None)
        self._part = ""
        self._done = 0
        self._said_at = time.monotonic()

    def begin(self, number: int, total: int, what: str) -> None:
        """Part ``number`` of ``total`` begins."""
        self._part = f"part {number} of {total}: {what}"
        self._bar.update(self._task, description=self.state)

    def tick(self, done: float) -> None:
        """So many predictions are done, parts of one included.

        Raises:
            KeyboardInterrupt: the user has asked to stop.
        """
        self._done = int(done)
        self._bar.update(self._task, description=self.state)
        if not self._console.is_terminal and time.monotonic() - self._said_at > _SECONDS_PER_LINE:
            self._said_at = time.monotonic()
            self.say(self.state)
        self.check()

    @property
    def state(self) -> str:
        """``'part 3 of 8: largest batch of lora r=8, 12 predictions so far'``."""
        return f"{self._part}, {counted(self._done, 'prediction')} so far"
