"""Progress of a check: a bar on a terminal, a line now and then elsewhere; the table that follows has the cells."""

from __future__ import annotations

import time

from rich.console import Console

from ladderscope.cli.progress import SweepProgress
from ladderscope.records import Record


class CheckProgress(SweepProgress):
    """Use it as a context manager."""

    def __init__(self, console: Console, num_jobs: int) -> None:
        super().__init__(console, num_jobs)
        self._start = self._said = time.monotonic()

    def report(self, record: Record, finished: int, total: int) -> None:
        """Say how far it is, where no bar does."""
        now = time.monotonic()
        if finished == total or not self._is_due():
            return
        done = finished + self.running
        left = (now - self._start) / done * (total - done)
        self.say(f"{finished} of {total} cells, about {left:.0f} s left")
