"""Brings a tap (B, T, H) to the side width (B, T, W), in a frozen step and a trained one.

Of the frozen step nothing but its narrow result is kept for backward; a trained step on the full width keeps that.
A new downsampler is a branch in each of the two functions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ladderscope.methods.side.config import TRAINED_ON_TAPS, SideConfig
from ladderscope.methods.side.projection import PrincipalProjection, RandomProjection
from ladderscope.methods.side.tap_linear import TapLinear


class ChannelPool(nn.Module):
    """Mean or maximum over groups of neighbouring channels, (B, T, H) to (B, T, W).

    Args:
        side_width: W; groups have the same size where it divides H.
        kind: ``"avg-pool"`` or ``"max-pool"``.
    """

    def __init__(self, side_width: int, kind: str) -> None:
        super().__init__()
        self.side_width = side_width
        self.pool = nn.functional.adaptive_avg_pool1d if kind == "avg-pool" else nn.functional.adaptive_max_pool1d

    @torch.no_grad()
    def forward(self, hidden: Tensor) -> Tensor:
        """Pool the channels."""
        return self.pool(hidden, self.side_width)


def make_projection(config: SideConfig, hidden_size: int, side_width: int) -> nn.Module:
    """The frozen step of one tap; the identity where the trained step takes the whole tap."""
    if config.downsample in TRAINED_ON_TAPS:
        return nn.Identity()
    if config.downsample != "frozen":
        return ChannelPool(side_width, config.downsample)
    make = PrincipalProjection if config.basis == "principal" else RandomProjection
    return make(hidden_size, side_width)


def make_downsample(config: SideConfig, hidden_size: int, side_width: int) -> nn.Module:
    """The trained step of one side block, on what the frozen step gave."""
    kind, rank, storage = config.downsample, config.downsample_rank, config.tap_storage
    trained: nn.Module
    if kind == "frozen":
        trained = nn.Linear(side_width, side_width)
    elif kind in ("lora", "adapter"):
        first = TapLinear(hidden_size, rank, bias=False, storage=storage)
        between = nn.SiLU() if kind == "adapter" else nn.Identity()
        trained = nn.Sequential(first, between, nn.Linear(rank, side_width, bias=False))
    elif kind in TRAINED_ON_TAPS:
        trained = TapLinear(hidden_size, side_width, bias=True, storage=storage)
    else:
        trained = nn.Identity()
    return nn.Sequential(trained, nn.LayerNorm(side_width)) if config.downsample_norm else trained
