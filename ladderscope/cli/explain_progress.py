"""Shows cells being traced on standard error: a bar with the time left, on a terminal alone."""

from __future__ import annotations

from rich.console import Console
from rich.progress import TextColumn

from ladderscope.cli.bar import AVERAGED_SECONDS, StoppableBar, time_left


class ExplainProgress(StoppableBar):
    """Progress of ``num_cells`` predictions; use it as a context manager."""

    def __init__(self, console: Console, num_cells: int) -> None:
        super().__init__(
            console,
            TextColumn("predicting"),
            *time_left(),
            speed_estimate_period=AVERAGED_SECONDS,
        )
        self._task = self._bar.add_task("explain", total=num_cells)

    def tick(self, done: float) -> None:
        """So many cells are done, parts of one included.

        Raises:
            KeyboardInterrupt: the user has asked to stop.
        """
        self._bar.update(self._task, completed=done)
        self.check()
