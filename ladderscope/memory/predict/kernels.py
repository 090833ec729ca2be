"""What CUDA's kernels allocate besides their results, by operation.

Each entry names its source. A temporary lives as long as its operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ladderscope.memory.predict.attention import efficient_backward_temporaries, flash_backward_temporaries
from ladderscope.memory.predict.gpus import Gpu
from ladderscope.memory.predict.indexing import accumulation_temporaries, copies_of_indices, sort_pairs_bytes
from ladderscope.units import MIB

aten = torch.ops.aten

Temporaries = Callable[..., list[Tensor]]

_SORTED_EMBEDDING_TOKENS = 3072
"""Up to as many tokens the gradient of an embedding is added up without sorting them (Embedding.cu)."""
_ROWS_PER_PART = 10


def _embedding_backward(grad: Tensor, indices: Tensor, rows: int, *rest: Any, **options: Any) -> list[Tensor]:
    """Sorted token ids, and sums of up to ten rows each, in fp32 (Embedding.cu, EmbeddingBackwardKernel.cu).

    The sums have a row for each distinct token that there may be, so that they can be larger than the gradient itself.
    Newer versions have a second way for a few rows with very many tokens each, which no language model meets.
    """
    tokens, width = indices.numel(), grad.shape[-1]
    if tokens <= _SORTED_EMBEDDING_TOKENS:
        return []
    segments = min(tokens, rows)
    parts = tokens // _ROWS_PER_PART + segments
    made = [indices.new_empty(tokens) for _ in range(2)]
    _ = [indices.new_empty(tokens), grad.new_empty(sort_pairs_bytes(tokens), dtype=torch.uint8)]
    del _  # needed for sorting alone
    made += [indices.new_empty(size) for size in (tokens, 1, segments, segments, 1, parts)]
    return [*made, grad.new_empty(parts, width, dtype=torch.promote_types(grad.dtype, torch.float32))]


def _sort(values: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """A contiguous copy where values are not, and the indices before sorting (Sort.cpp)."""
    return [torch.empty_like(values)] if not values.is_contiguous() else []


def _batched_product(left: Tensor, right: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """A copy of each operand whose layout cuBLAS cannot read (Blas.cpp, prepare_batch_matrix_for_cublas)."""
    return [operand.new_empty(operand.shape) for operand in (left, right) if not _cublas_reads(operand)]


def _cublas_reads(matrices: Tensor) -> bool:
    rows, columns = matrices.stride()[-2:]
    num_rows, num_columns = matrices.shape[-2:]
    row_major = columns == 1 and rows >= max(1, num_columns)
    column_major = rows == 1 and columns >= max(1, num_rows)
    return row_major or column_major


def _added_batched_product(start: Tensor, left: Tensor, right: Tensor, **options: Any) -> list[Tensor]:
    return _batched_product(left, right)


COPIES: dict[Any, Temporaries] = {aten.index.Tensor: copies_of_indices}
"""What an operation allocates before its result, and frees behind it."""

TEMPORARIES: dict[Any, Temporaries] = {
    aten._scaled_dot_product_flash_attention_backward.default: flash_backward_temporaries,
    aten._scaled_dot_product_efficient_attention_backward.default: efficient_backward_temporaries,
    aten.embedding_dense_backward.default: _embedding_backward,
    aten.sort.default: _sort,
    aten.sort.stable: _sort,
    aten.bmm.default: _batched_product,
    aten.baddbmm.default: _added_batched_product,
    aten.index_put.default: accumulation_temporaries,
    aten.index_put_.default: accumulation_temporaries,
    aten._index_put_impl_.default: accumulation_temporaries,
}
"""What an operation allocates behind its result (most kernels are handed a result that is there), and frees again."""

MATRIX_PRODUCTS = {
    aten.mm.default,
    aten.addmm.default,
    aten.bmm.default,
    aten.baddbmm.default,
    aten.addbmm.default,
    aten.mv.default,
    aten.addmv.default,
    aten.dot.default,
}
"""Operations that make a cuBLAS handle, whose workspace comes from PyTorch's allocator."""


def cublas_workspace_bytes(gpu: Gpu) -> int:
    """Workspace of one cuBLAS handle, kept from its first product on (CublasHandlePool.cpp, up to torch 2.14)."""
    return 32 * MIB if gpu.arch >= 90 else 4096 * 1024 * 2 + 16 * 1024 * 8
