"""Taps in 16 or 8 bits."""

from __future__ import annotations

import torch
from torch import Tensor

from ladderscope.errors import LadderscopeError

_LARGEST = 127


def encode(taps: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """``taps`` (..., W) as ``dtype``; for int8 with scales (...) in fp32 that make the largest channel 127.

    Raises:
        LadderscopeError: a value that is not finite, or too large for fp16.
    """
    if not torch.isfinite(taps).all():
        raise LadderscopeError("the backbone gives hidden states that are not finite numbers: nothing can be cached.")
    if dtype == torch.int8:
        scales = taps.float().abs().amax(-1) / _LARGEST
        steps = taps.float() / scales.clamp_min(torch.finfo(torch.float32).tiny)[..., None]
        return steps.round().to(torch.int8), scales
    stored = taps.to(dtype)
    if not torch.isfinite(stored).all():
        raise LadderscopeError(
            f"a tap of {float(taps.abs().max()):.3g} does not fit the 16 bits in which an fp32 backbone's taps are "
            "cached: use --dtype bf16, or --cache-bits 8."
        )
    return stored, None


def decode(stored: Tensor, scales: Tensor | None) -> Tensor:
    """What :func:`encode` was given, as far as the bits hold it; from int8 in fp32."""
    return stored if scales is None else stored.float() * scales[..., None]
