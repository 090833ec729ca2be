"""Shows a training run on standard error: a bar with the time left on a terminal, now and then a line elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from ladderscope.cli.bar import ShownBar

_LINES_PER_RUN = 10


class TrainProgress(ShownBar):
    """Progress of one run; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=None),
            TextColumn("loss {task.fields[loss]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            expand=True,
        )
        self._task = self._bar.add_task("train", total=None, loss="", visible=False)
        self._total: int | None = None

    def step(self, step: int, total: int, loss: float) -> None:
        """An optimizer step is done, with this training loss."""
        if self._total is None:
            # Steps of an earlier process say nothing about the speed of this one.
            self._bar.reset(self._task, total=total, completed=step, visible=True)
            self._total = total
        self._bar.update(self._task, completed=step, loss=f"{loss:.3f}")
        if not self._console.is_terminal and (step == total or step % max(1, total // _LINES_PER_RUN) == 0):
            self.say(f"step {step}/{total}: loss {loss:.4f}")

    def evaluated(self, step: int, loss: float) -> None:
        """The held-out data was evaluated behind ``step``."""
        self.say(f"held-out loss after {step} steps: {loss:.4f}")
