"""Shows a sweep on standard error: on a terminal a bar and what runs, everywhere a line per cell."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import TextColumn

from ladderscope.cli.bar import AVERAGED_SECONDS, ShownBar, time_left
from ladderscope.records import PREDICT, Cell, Record, run_labels
from ladderscope.stages import stage_at
from ladderscope.sweep.protocol import Job
from ladderscope.units import format_bytes

SECONDS_BETWEEN_LINES = 15.0
"""At least, about cells that run, where no bar is drawn."""
_MOST_SHOWN = 3
"""Cells that run, under the bar."""


class Clock:
    """Says when another line is due, where no bar is drawn: lines of different kinds each have one of their own.

    Args:
        console: to say lines on.
        begins_due: whether the first line is due at once.
    """

    def __init__(self, console: Console, *, begins_due: bool) -> None:
        self._console = console
        self._said = float("-inf") if begins_due else time.monotonic()

    def is_due(self) -> bool:
        """Whether to say a line now; it then counts as said."""
        now = time.monotonic()
        if self._console.is_terminal or now - self._said < SECONDS_BETWEEN_LINES:
            return False
        self._said = now
        return True


@dataclass
class _Running:
    """A cell that runs."""

    name: str
    cell: Cell
    is_prediction: bool
    begun_at: float
    fraction: float = 0.0

    def describe(self) -> str:
        """``'smollm2-135m full 256 tokens: step 3 of 16, 40 s so far'``."""
        seconds = time.monotonic() - self.begun_at
        if stage := stage_at(self.fraction, self.cell.steps):
            return f"{self.name}: {stage}, {seconds:.0f} s so far"
        return f"{self.name}: begun" + (f" {seconds:.0f} s ago" if seconds >= 1 else "")


class SweepProgress(ShownBar):
    """Progress of ``num_jobs`` cells; use it as a context manager.

    Args:
        console: to show it on.
        num_jobs: how many cells there are to run.
        cells: those of the run, whose names then say in what they differ.
        says_at_once: whether the first cell to begin is told of, rather than one that runs for a while.
    """

    def __init__(
        self, console: Console, num_jobs: int, cells: Sequence[Cell] = (), *, says_at_once: bool = True
    ) -> None:
        self._labels = {cell.cell_id: label for cell, label in zip(cells, run_labels(cells), strict=True)}
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._cells_clock = Clock(console, begins_due=says_at_once)
        self._finished = 0
        self._not_ok = 0
        self._num_jobs = num_jobs
        super().__init__(
            console,
            TextColumn("{task.fields[states]}"),
            *time_left(),
            speed_estimate_period=AVERAGED_SECONDS,
        )
        self._task = self._bar.add_task("sweep", total=num_jobs, states=self.states)

    def tick(self, job: Job, fraction: float) -> None:
        """A running cell has got this far."""
        with self._lock:
            running = self._running.get(job.cell.cell_id)
            if running is None:
                running = _Running(self.label_of(job.cell), job.cell, job.is_prediction, time.monotonic())
                self._running[job.cell.cell_id] = running
            running.fraction = fraction
            self._show()
            is_due = not job.is_prediction and self._cells_clock.is_due()
        if is_due:
            self.say(running.describe())

    def finish(self, record: Record) -> None:
        """A cell has ended."""
        with self._lock:
            self._running.pop(record.cell.cell_id, None)
            self._finished += 1
            self._not_ok += record.status != "ok"
            self._show()
            finished = self._finished
        self.report(record, finished, self._num_jobs)

    def report(self, record: Record, finished: int, total: int) -> None:
        """Say what a cell gave."""
        self.say(f"[{finished}/{total}] {self.label_of(record.cell)}: {summarize(record)}")

    def label_of(self, cell: Cell) -> str:
        """The cell's name in this run."""
        return self._labels.get(cell.cell_id, cell.label)

    def below(self) -> Sequence[str]:
        """What cells that are measured are at; predictions are over in seconds."""
        measured = [one for one in list(self._running.values()) if not one.is_prediction]
        return [one.describe() for one in measured[:_MOST_SHOWN]]

    @property
    def states(self) -> str:
        """How many cells are in which state: ``'12/40 cells, 3 running, 25 waiting, 1 not ok'``."""
        running = len(self._running)
        others = {"running": running, "waiting": self._num_jobs - self._finished - running, "not ok": self._not_ok}
        counts = [f"{count} {state}" for state, count in others.items() if count > 0]
        return ", ".join([f"{self._finished}/{self._num_jobs} cells", *counts])

    @property
    def running(self) -> float:
        """What is done of the cells that run, in cells."""
        return sum(one.fraction for one in list(self._running.values()))

    def _show(self) -> None:
        done = self._finished + self.running
        self._bar.update(self._task, completed=done, states=self.states)


def summarize(record: Record) -> str:
    """What a cell gave, in half a line."""
    if record.status != "ok" or record.memory is None:
        return f"{record.status}: {record.error}"
    peak = f"peak {format_bytes(record.memory.peak_allocated_bytes)}"
    if record.meter == PREDICT:
        return f"{peak} predicted for {record.gpu}"
    if record.eval_loss is None:
        return peak
    loss = f"loss {record.eval_loss.before:.3f} -> {record.eval_loss.after:.3f}"
    if record.weights == "random":
        loss = "random weights"
    return f"{peak}, {record.seconds_per_step:.2f} s/step, {loss}"
