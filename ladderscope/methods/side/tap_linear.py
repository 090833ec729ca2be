"""A trained projection of taps that keeps its input for the weight gradient as cheaply as it is told to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.config import TapStorage

_GROUP = 64
"""Channels that share an 8-bit scale in a token."""
_POOL = 4
_TINY = 1e-30


class TapLinear(nn.Linear):
    """A linear layer whose input is a frozen backbone's: no gradient goes to the input.

    Args:
        in_features: backbone width H.
        out_features: width it projects to.
        bias: whether it has one.
        storage: how the input (B, T, H) is kept for backward. ``"full"``: as it is, in the backbone's dtype, also
            where this layer is in fp32. ``"int8"``: one byte per channel, a scale for every 64 in a token, and one per
            channel; the weight gradient is off by about 1% in every column. ``"pooled"``: the means of four
            neighbouring channels; the weight gradient is the same for all four, a rough approximation.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool, storage: TapStorage) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.storage = storage

    def forward(self, hidden: Tensor) -> Tensor:
        """Project (B, T, H); the result has the dtype of the weight, or of autocast."""
        if not torch.is_grad_enabled():  # nothing to keep: spare the packing
            return nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias)
        out: Tensor = _Project.apply(hidden, self.weight, self.bias, self.storage)  # type: ignore[no-untyped-call]
        return out


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, storage: TapStorage) -> Tensor:
        ctx.storage, ctx.shape, ctx.has_bias, ctx.dtype = storage, hidden.shape, bias is not None, weight.dtype
        ctx.save_for_backward(*pack(hidden, storage))
        return nn.functional.linear(hidden.to(weight.dtype), weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, Tensor | None, None]:
        grad = grad.flatten(0, -2)  # in autocast's dtype where forward ran under it
        hidden = unpack(ctx.saved_tensors, ctx.storage, ctx.shape).to(grad.dtype).flatten(0, -2)
        bias_grad = grad.sum(0).to(ctx.dtype) if ctx.has_bias else None
        return None, (grad.T @ hidden).to(ctx.dtype), bias_grad, None


def pack(hidden: Tensor, storage: TapStorage) -> tuple[Tensor, ...]:
    """What is kept of ``hidden`` (..., H)."""
    if storage == "full":
        return (hidden,)
    if storage == "pooled":
        return (_grouped(hidden, _POOL).mean(-1),)
    # Channels are made alike first: a few are hundreds of times the others, and would leave their group no bits.
    channel = hidden.abs().flatten(0, -2).mean(0, dtype=torch.float32).clamp_min(_TINY)
    grouped = _grouped(hidden / channel, _GROUP)
    scale = grouped.abs().amax(-1, keepdim=True).clamp_min(_TINY) / 127
    return (grouped / scale).round_().to(torch.int8), scale, channel


def unpack(kept: tuple[Tensor, ...], storage: TapStorage, shape: torch.Size) -> Tensor:
    """What stands for ``hidden`` of this shape in backward."""
    if storage == "full":
        return kept[0]
    if storage == "pooled":
        spread: Tensor = kept[0].repeat_interleave(_group_size(shape[-1], _POOL), dim=-1)
        return spread.view(shape)
    values, scale, channel = kept
    restored: Tensor = (values * scale).view(shape) * channel
    return restored


def _grouped(hidden: Tensor, group: int) -> Tensor:
    grouped: Tensor = hidden.unflatten(-1, (-1, _group_size(hidden.shape[-1], group)))
    return grouped


def _group_size(width: int, group: int) -> int:
    return group if width % group == 0 else width
