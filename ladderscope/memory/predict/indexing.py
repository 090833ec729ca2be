"""What indexing with tensors allocates on CUDA besides its result (TensorAdvancedIndexing.cpp, Indexing.cu)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

SORTED_IN_ONE_TILE = 2048
"""Up to as many 64-bit pairs cub sorts without memory of its own; an estimate above 512, which was recorded."""

Indices = Sequence[Tensor | None]


def copies_of_indices(values: Tensor, indices: Indices, *rest: Any, **options: Any) -> list[Tensor]:
    """Indices that are on the host come to the device first."""
    return [_positions(values, index) for index in indices if index is not None and index.is_cpu]


def accumulation_temporaries(
    target: Tensor, indices: Indices, values: Tensor, accumulate: bool = False, *rest: Any, **options: Any
) -> list[Tensor]:
    """Adding up at positions sorts them first, so that it gives the same sum every time."""
    if not accumulate:
        return copies_of_indices(target, indices)
    given = [index for index in indices if index is not None]
    offsets: Tensor | None = None
    for index in given:
        if index.is_cpu:
            step = _positions(target, index)
        else:
            wrapped = _positions(target, index)
            step = _positions(target, index)
            del wrapped
        offsets = offsets if offsets is not None and offsets.numel() >= step.numel() else step
        del step
    made = [offsets] if offsets is not None else []
    if not values.is_contiguous():
        made.append(values.new_empty(values.shape))
    number = offsets.numel() if offsets is not None else 0
    # Sorted offsets, where they came from, and the numbers from zero on that are sorted along.
    made += [target.new_empty(number, dtype=torch.int64) for _ in range(3)]
    return [*made, target.new_empty(sort_pairs_bytes(number), dtype=torch.uint8)]


def sort_pairs_bytes(number: int) -> int:
    """Memory of cub's radix sort of ``number`` 64-bit keys with 64-bit values: a second copy of both."""
    return 1 if number <= SORTED_IN_ONE_TILE else 16 * number


def _positions(values: Tensor, index: Tensor) -> Tensor:
    return values.new_empty(index.shape, dtype=torch.int64)
