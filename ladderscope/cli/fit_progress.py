"""Shows a fit in the making on standard error: a bar with what is at work and the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import TextColumn

from ladderscope.cli.bar import AVERAGED_SECONDS, StoppableBar, time_left


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
