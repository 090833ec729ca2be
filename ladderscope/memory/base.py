"""What a meter is."""

from __future__ import annotations

from typing import Protocol

import torch

from ladderscope.records import Memory
from ladderscope.training.loop import TrainingLoop


class Meter(Protocol):
    """Measures one training step of a loop that has already trained, so that lazily made state exists."""

    name: str
    device: torch.device

    def hardware(self) -> str | None:
        """The GPU that is measured, None on a CPU."""
        ...

    def measure_step(self, loop: TrainingLoop) -> Memory:
        """Run one more step of ``loop`` and return its peak."""
        ...
