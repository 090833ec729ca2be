"""Progress of a check: a bar on a terminal, a line now and then elsewhere; the table that follows has the cells."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console

from ladderscope.cli.progress import Clock, SweepProgress
from ladderscope.records import Cell, Record


class CheckProgress(SweepProgress):
    """Use it as a context manager."""

    def __init__(self, console: Console, num_jobs: int, cells: Sequence[Cell] = ()) -> None:
        super().__init__(console, num_jobs, cells, says_at_once=False)
        self._start = time.monotonic()
        self._left_clock = Clock(console, begins_due=False)

    def report(self, record: Record, finished: int, total: int) -> None:
        """Say how far it is, where no bar does."""
        if finished == total or not self._left_clock.is_due():
            return
        done = finished + self.running
        left = (time.monotonic() - self._start) / done * (total - done)
        self.say(f"{finished} of {total} cells, about {left:.0f} s left")
