"""What watches a training run from inside Trainer."""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ladderscope.errors import LadderscopeError


class Progress(Protocol):
    """Told what happens during a run."""

    def step(self, step: int, total: int, loss: float) -> None:
        """An optimizer step is done, with this training loss."""
        ...

    def evaluated(self, step: int, loss: float) -> None:
        """The held-out data was evaluated behind ``step``."""
        ...

    def say(self, message: str) -> None:
        """Something else for people."""
        ...


class Watch(TrainerCallback):
    """Times the steps, reports them, and ends a run that was interrupted or has lost its loss.

    Args:
        progress: is told.
        stop: once set, the run ends behind the running step, with a checkpoint.
    """

    def __init__(self, progress: Progress, stop: threading.Event) -> None:
        self._progress = progress
        self._stop = stop
        self._started = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """A resumed state brings along the interval of the run that made it."""
        state.save_steps = args.save_steps

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop, if that is wished."""
        if self._stop.is_set():
            control.should_save = True
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **kwargs: Any,
    ) -> None:
        """Report a loss. It is refused here, before a checkpoint is made of the weights that gave it.

        Raises:
            LadderscopeError: the loss is not finite.
        """
        loss = logs.get("loss", logs.get("eval_loss"))
        if loss is None:
            return
        if not math.isfinite(loss):
            raise LadderscopeError(
                f"the loss is no longer a finite number at step {state.global_step}: lower the learning rate with "
                "--lr."
            )
        if "loss" in logs:
            state.log_history[-1]["seconds"] = time.perf_counter() - self._started
            self._progress.step(state.global_step, state.max_steps, loss)
        else:
            self._progress.evaluated(state.global_step, loss)
