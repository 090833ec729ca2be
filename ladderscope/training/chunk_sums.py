"""Sums of gradients over chunks of tokens."""

from __future__ import annotations

import torch
from torch import Tensor

_SLICE_NUMEL = 2**23


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """fp32, or fp64 for fp64: what losses and sums are computed in."""
    return torch.promote_types(dtype, torch.float32)


class ChunkSum:
    """A sum over chunks, kept in fp32 or wider where there are several: 16-bit sums lose their small terms."""

    def __init__(self, several: bool) -> None:
        self._several = several
        self._total: Tensor | None = None

    def add(self, part: Tensor) -> None:
        """Add a tensor that nobody else holds."""
        if self._total is None:
            self._total = part.to(wide_dtype(part.dtype)) if self._several else part
        else:
            self._total += part

    def add_product(self, left: Tensor, right: Tensor) -> None:
        """Add the product of (m, n) and (n, k), without a second tensor of the sum's size."""
        if not self._several:
            self._total = left @ right
            return
        if self._total is None:
            self._total = left.new_zeros(len(left), right.shape[1], dtype=wide_dtype(left.dtype))
        if self._total.dtype == left.dtype:
            torch.addmm(self._total, left, right, out=self._total)
            return
        # Some rows at a time: no product of 16-bit numbers is added to fp32 but through a copy.
        step = max(1, _SLICE_NUMEL // right.shape[1])
        for total, rows in zip(self._total.split(step), left.split(step), strict=True):
            total += rows @ right

    def of(self, parameter: Tensor | None) -> Tensor | None:
        """The sum in the parameter's dtype; None if nothing was added."""
        return None if self._total is None or parameter is None else self._total.to(parameter.dtype)
