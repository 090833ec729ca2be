"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from ladderscope.parallel.group import of_this_rank, sum_over_ranks, world_size
from ladderscope.parallel.replicas import DDP, FSDP, replicate, shard, without_reduction
from ladderscope.records import Cell
from ladderscope.training.batches import Batch
from ladderscope.training.loss import LOSS_FUNCTIONS
from ladderscope.training.optimizer import make_optimizer


@dataclass(frozen=True)
class StepResult:
    """Mean loss in nats per trained token, and the seconds the step took; no more digits than either is known to."""

    loss: float
    seconds: float

    @classmethod
    def measured(cls, loss: float, seconds: float) -> Self:
        """With the seven digits of fp32, and to the microsecond: ledgers hold thousands of each."""
        return cls(float(f"{loss:.7g}"), round(seconds, 6))


class TrainingLoop:
    """Trains ``model`` as the cell says, one optimizer step per call.

    Args:
        model: with ``requires_grad`` set on what is trained.
        cell: optimizer, learning rate, loss implementation, accumulation, checkpointing.
        batches: endless micro-batches.
        held_out: the evaluation set.
        device: where a model on the host is to be sharded to, for a cell that says so; others are where they train.
    """

    def __init__(
        self,
        model: Any,
        cell: Cell,
        batches: Iterator[Batch],
        held_out: list[Batch],
        device: torch.device | None = None,
    ) -> None:
        self.model: nn.Module = model
        self._cell = cell
        self._batches = of_this_rank(batches)
        self._held_out = held_out
        self._loss = LOSS_FUNCTIONS[cell.loss_impl]
        if cell.gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.runs = _parallel(model, cell, device)
        """The model as it is called: it may be wrapped."""
        self.optimizer = self._new_optimizer()

    def next_batches(self) -> list[Batch]:
        """The micro-batches of one optimizer step."""
        return [next(self._batches) for _ in range(self._cell.gradient_accumulation)]

    def step(self, batches: list[Batch] | None = None) -> StepResult:
        """Train on these batches, by default on the next ones."""
        batches = self.next_batches() if batches is None else batches
        start = time.perf_counter()
        self.model.train()
        loss = self.backward(batches)
        self.update()
        _wait_for_device(batches)
        return StepResult.measured(loss, time.perf_counter() - start)

    def backward(self, batches: list[Batch], on_backward: Callable[[], None] | None = None) -> float:
        """Forward and backward over the micro-batches.

        Args:
            batches: the micro-batches of one optimizer step.
            on_backward: is called in every backward pass, just before autograd runs its first operation.

        Returns:
            The mean loss per trained token, of all ranks.
        """
        device = batches[0].input_ids.device
        # Gradients are averaged over ranks, so each counts its tokens as if all ranks had as many.
        num_tokens = sum_over_ranks(sum(batch.num_trained_tokens for batch in batches), device) / world_size()
        total = 0.0
        for index, batch in enumerate(batches):
            with nullcontext() if index == len(batches) - 1 else without_reduction(self.runs):
                loss = self._loss(self.runs, batch) / num_tokens
                if on_backward is not None:
                    loss.register_hook(lambda _: on_backward())
                loss.backward()
            total += loss.item()
        return sum_over_ranks(total, device) / world_size()

    def update(self) -> None:
        """The optimizer step; gradients are freed."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def forget_steps(self) -> None:
        """Let go of all that training has left beside the weights: gradients, and the optimizer with its state."""
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()
        self.optimizer = self._new_optimizer()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        return make_optimizer(self._cell.optimizer, self.model.parameters(), self._cell.lr)

    @torch.no_grad()
    def evaluate(self) -> float:
        """Mean loss in nats per trained token of the held-out set; NaN where that is empty."""
        if not self._held_out:
            return math.nan
        self.model.eval()
        total = sum(self._loss(self.runs, batch).item() for batch in self._held_out)
        return total / sum(batch.num_trained_tokens for batch in self._held_out)


def _parallel(model: nn.Module, cell: Cell, device: torch.device | None) -> nn.Module:
    if cell.parallel not in (DDP, FSDP):
        return model
    device = device or next(model.parameters()).device
    return replicate(model, device) if cell.parallel == DDP else shard(model, device)


def _wait_for_device(batches: list[Batch]) -> None:
    device = batches[0].input_ids.device
    if device.type == "cuda":
        torch.cuda.synchronize(device)
