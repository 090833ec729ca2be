"""How a tap joins the side stream; both are (B, T, W)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ladderscope.methods.side.config import SideConfig


class InterpolatingGate(nn.Module):
    """``g * stream + (1 - g) * tap`` with ``g = sigmoid(logit / temperature)``, trained (LST, QST).

    Args:
        shape: of the logit: () for one gate, (W,) for one per channel.
        temperature: divisor of the logit.
        init: the logit at the start.
    """

    def __init__(self, shape: tuple[int, ...], temperature: float, init: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.logit = nn.Parameter(torch.full(shape, float(init)))

    def forward(self, stream: Tensor, tap: Tensor) -> Tensor:
        """Mix the two."""
        gate = torch.sigmoid(self.logit / self.temperature)
        return torch.lerp(tap.to(stream.dtype), stream, gate.to(stream.dtype))


class SumGate(nn.Module):
    """Plain addition."""

    def forward(self, stream: Tensor, tap: Tensor) -> Tensor:
        """Add the two."""
        return stream + tap


def make_gate(config: SideConfig, side_width: int) -> nn.Module:
    """The gate of one side block."""
    if config.gate == "none":
        return SumGate()
    shape = (side_width,) if config.gate == "vector" else ()
    return InterpolatingGate(shape, config.gate_temperature, config.gate_init)
