"""Buffers of sums, means, maxima and norms whose work CUDA splits over several blocks.

Where there are few results and many numbers for each, blocks leave partial results in global memory, with a counter
for each group of blocks. How the work is split follows ``setReduceConfig`` in Reduce.cuh. Sizes agree with those of
steps recorded on compute capability 9 with torch 2.6 (fp32 sums over far rows, maxima with positions); other versions,
GPUs, precisions and sums along neighbours are taken to follow the same rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ladderscope.memory.predict.gpus import Gpu

aten = torch.ops.aten

_WARP = 32
_MAX_THREADS = 512
_MIN_VALUES, _MAX_VALUES = 16, 256
"""Values that one thread is to add up."""
_VECTOR = 4
_MIN_VECTORIZED = 128
_COUNTER_BYTES = 4


@dataclass(frozen=True)
class Split:
    """Bytes of partial results, and counters, one for each group of blocks."""

    buffer_bytes: int
    counters: int


@dataclass(frozen=True)
class _Dim:
    size: int
    stride: int


def reduction_temporaries(gpu: Gpu, partial_bytes: Callable[[Tensor], int]) -> Callable[..., list[Tensor]]:
    """Temporaries of a reduction ``(input, dims, ...)``.

    Args:
        gpu: where it runs.
        partial_bytes: of one partial result, by the input.
    """

    def temporaries(values: Tensor, dims: Any = None, *rest: Any, **options: Any) -> list[Tensor]:
        split = split_reduction(gpu, values, _as_dims(dims, values.dim()), partial_bytes(values))
        if split is None:
            return []
        sizes = (split.buffer_bytes, split.counters * _COUNTER_BYTES)
        return [values.new_empty(size, dtype=torch.uint8) for size in sizes]

    return temporaries


def split_reduction(gpu: Gpu, values: Tensor, dims: Sequence[int], partial_bytes: int) -> Split | None:
    """How the reduction of ``values`` over ``dims`` is split over blocks; None where each result has one block."""
    if values.numel() == 0:
        return None
    reduced, kept = _merge(values, dims)
    num_inputs = math.prod(dim.size for dim in reduced)
    num_outputs = math.prod(dim.size for dim in kept)
    along_input = not kept or not reduced or reduced[0].stride < kept[0].stride
    first, second = (num_inputs, num_outputs) if along_input else (num_outputs, num_inputs)
    vector = 1
    if along_input:
        if reduced and reduced[0].stride == 1 and first >= _MIN_VECTORIZED and len(reduced) == 1:
            first //= _VECTOR
    elif kept[0].stride == 1:
        vector = _output_vector(values, reduced, kept)
        first //= vector
    width, height = _block(first, second, _MAX_THREADS // vector)
    step_input, step_output = (width, 1) if along_input else (1, width)
    values_per_thread = -(-num_inputs // step_input)
    if values_per_thread < height * _MIN_VALUES and values_per_thread < _MAX_VALUES:
        return None
    step_input *= height
    values_per_thread = -(-num_inputs // step_input)
    grid = -(-(num_outputs // vector) // step_output)
    target = gpu.multiprocessors * (gpu.threads_per_multiprocessor // (width * height))
    if values_per_thread < _MAX_VALUES or grid > target:
        return None
    blocks = min(-(-target // grid), -(-values_per_thread // _MIN_VALUES))
    blocks = max(blocks, -(-values_per_thread // _MAX_VALUES))
    if blocks <= 1:
        return None
    per_output = 1 if along_input else width * vector
    return Split(partial_bytes * num_outputs * blocks * per_output, grid)


def _block(first: int, second: int, max_threads: int) -> tuple[int, int]:
    """Width and height of a block of threads."""
    first, second = (_power_of_two(min(size, max_threads)) for size in (first, second))
    width = min(first, _WARP)
    height = min(second, max_threads // width)
    return min(first, max_threads // height), height


def _power_of_two(size: int) -> int:
    return 1 << (max(1, size).bit_length() - 1)


def _output_vector(values: Tensor, reduced: list[_Dim], kept: list[_Dim]) -> int:
    """How many neighbouring results a thread works on at once."""
    sizes = [values.storage_offset(), kept[0].size, *(dim.stride for dim in (*reduced, *kept[1:]))]
    vector = _VECTOR
    while any(size % vector for size in sizes):
        vector //= 2
    return vector


def _merge(values: Tensor, dims: Sequence[int]) -> tuple[list[_Dim], list[_Dim]]:
    """Reduced and kept dimensions, those that lie behind one another in memory as one (TensorIterator)."""
    shape = [_Dim(size, stride) for size, stride in zip(values.shape, values.stride(), strict=True)]
    over = {dim % len(shape) for dim in dims} if shape else set()
    reduced = sorted((shape[dim] for dim in over if shape[dim].size > 1), key=lambda dim: dim.stride)
    # Results lie in memory in the order of their dimensions, whatever the order of the input's.
    kept = [dim for index, dim in reversed(list(enumerate(shape))) if index not in over and dim.size > 1]
    return _joined(reduced), _joined(kept)


def _joined(dims: list[_Dim]) -> list[_Dim]:
    joined: list[_Dim] = []
    for dim in dims:
        if joined and joined[-1].stride * joined[-1].size == dim.stride:
            joined[-1] = _Dim(joined[-1].size * dim.size, joined[-1].stride)
        else:
            joined.append(dim)
    return joined


def _as_dims(dims: Any, ndim: int) -> list[int]:
    if isinstance(dims, int):
        return [dims]
    return list(dims) if dims else list(range(ndim))


# ---- which operations ----------------------------------------------------------------------------------------------


def _accumulator(values: Tensor) -> int:
    """Half precision is added up in fp32, whole numbers in 64 bits."""
    if not values.is_floating_point():
        return 8
    return max(4, values.element_size())


def _same(values: Tensor) -> int:
    return values.element_size()


def _with_position(values: Tensor) -> int:
    """A value and its 64-bit position, padded to the latter's size."""
    return 16


def reductions_of(gpu: Gpu) -> dict[Any, Callable[..., list[Tensor]]]:
    """Temporaries of all operations that reduce."""
    sums = reduction_temporaries(gpu, _accumulator)
    extremes = reduction_temporaries(gpu, _same)
    positions = reduction_temporaries(gpu, _with_position)
    norms = reduction_temporaries(gpu, _accumulator)
    return {
        aten.sum.default: sums,
        aten.sum.dim_IntList: sums,
        aten.mean.default: sums,
        aten.mean.dim: sums,
        aten.amax.default: extremes,
        aten.amin.default: extremes,
        aten.max.default: extremes,
        aten.min.default: extremes,
        aten.max.dim: positions,
        aten.min.dim: positions,
        aten.argmax.default: positions,
        aten.argmin.default: positions,
        aten.linalg_vector_norm.default: lambda values, order=2, dims=None, *rest, **options: norms(values, dims),
    }
