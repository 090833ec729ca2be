"""What a CPU's kernels do and allocate where CUDA's differ; each entry names its source in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from ladderscope.memory.predict.kernels import Temporaries

aten = torch.ops.aten
_REDUCED = (torch.float16, torch.bfloat16)


def cpu_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``scaled_dot_product_attention`` as a CPU runs it, by the operations that it is made of (attention.cpp)."""
    out: Tensor
    if not _takes_flash(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa):
        out = aten.scaled_dot_product_attention.default.decompose(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
        return out
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        hidden = attn_mask.logical_not()
        attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill_(hidden, float("-inf"))
    out = aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
    )[0]
    return out


def _takes_flash(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> bool:
    """PyTorch's own answer, for tensors of the same shapes: sdp_utils_cpp.cpp can be asked where there is no GPU."""

    def on_host(tensor: Tensor) -> Tensor:
        like = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")
        return like.requires_grad_(tensor.requires_grad)

    choose: Any = torch._fused_sdp_choice
    with _disable_current_modes():
        inputs = [on_host(tensor) for tensor in (query, key, value)]
        like_mask = on_host(mask) if mask is not None else None
        choice = choose(*inputs, like_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
    return bool(choice == torch.nn.attention.SDPBackend.FLASH_ATTENTION.value)


def cpu_rms_norm(hidden: Tensor, shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """``rms_norm`` as a CPU runs it: by single operations (layer_norm.cpp)."""
    out: Tensor = aten.rms_norm.default.decompose(hidden, shape, weight, eps)
    return out


# ---- inside of kernels ---------------------------------------------------------------------------------------------

_KEYS_AT_ONCE = 512


def _queries_at_once(tokens: int) -> int:
    """Rows of the scores that a thread holds (FlashAttentionKernel.cpp)."""
    return min(tokens, 256 if tokens >= 768 else 64 if tokens >= 192 else 32)


def _has_matrix_units(dtype: torch.dtype) -> bool:
    """Whether oneDNN multiplies in the processor's matrix units, for which it lays operands out anew."""
    return dtype == torch.bfloat16 and bool(torch.cpu._is_amx_tile_supported())


def _flash_forward(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """Per thread: scores, their maxima and sums, and the result so far, in fp32; in half also the scores in half.

    Keys and values once more, where they are laid out anew, and per thread a part of the keys, transposed.
    """
    rows, keys, channels = _queries_at_once(query.shape[2]), min(key.shape[2], _KEYS_AT_ONCE), query.shape[3]
    threads = torch.get_num_threads()
    buffers = [query.new_empty(threads, rows * (keys + 2 + channels), dtype=torch.float32)]
    if query.dtype in _REDUCED:
        buffers.append(query.new_empty(threads, rows, keys))
    if _has_matrix_units(query.dtype):
        buffers += [key.new_empty(key.shape), value.new_empty(value.shape), key.new_empty(threads, keys, channels)]
    return buffers


def _flash_backward(grad: Tensor, query: Tensor, key: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """Per thread: scores and their gradient, in fp32 and, in half, also in half; row sums; a contiguous gradient."""
    # The kernel asks a transposed tensor for the number of tokens.
    rows, keys = _queries_at_once(query.shape[2]), min(key.shape[2], _KEYS_AT_ONCE)
    threads = torch.get_num_threads()
    buffers = [
        query.new_empty(threads, 2 * rows * keys, dtype=torch.float32),
        query.new_empty(rows, dtype=torch.float32),
    ]
    if not grad.transpose(1, 2).is_contiguous():
        buffers.append(grad.new_empty(grad.shape))
    if query.dtype in _REDUCED:
        buffers.append(query.new_empty(threads, 2 * rows * keys))
    if _has_matrix_units(query.dtype):
        buffers.append(_transposed_product_scratch(query, keys, rows))
    return buffers


# Seen with torch 2.13 on one processor, not read: what oneDNN takes for a bf16 product in matrix units. To the byte
# for small products of sizes that are multiples of 32; larger ones take parts of operands that fit into a cache, by
# rules of oneDNN's own, and then this is right to about a megabyte.
_TILES_BYTES, _LEFT_EXTRA_BYTES = 5120, 128
_LEFT_ROWS_AT_ONCE, _RIGHT_COLUMNS_AT_ONCE, _PANEL = 256, 512, 64
_MOST_OF_RIGHT_BYTES, _MOST_OF_BOTH_BYTES = 512 * 1024, 720 * 1024


def _product(left: Tensor, right: Tensor, **options: Any) -> list[Tensor]:
    """The right operand in the layout of the matrix units, and a part of a left one that lies transposed."""
    (rows, inner), columns = left.shape, right.shape[1]
    if not _has_matrix_units(left.dtype) or min(rows, inner, columns) < 2 or rows * inner * columns <= 16**3:
        return []
    if left.stride(1) != 1:
        return [_transposed_product_scratch(left, rows, inner)]
    is_panel = right.stride(1) != 1 and columns > _PANEL
    at_once = _PANEL // 2 if is_panel else min(_round_up(columns, 16), _RIGHT_COLUMNS_AT_ONCE)
    right_bytes = min(_round_up(inner, 32) * at_once * 2, _MOST_OF_RIGHT_BYTES)
    return [_bytes_of(left, _TILES_BYTES + right_bytes)]


def _added_product(start: Tensor, left: Tensor, right: Tensor, **options: Any) -> list[Tensor]:
    return _product(left, right)


def _transposed_product_scratch(like: Tensor, rows: int, inner: int) -> Tensor:
    at_once = min(_round_up(rows, 64), _LEFT_ROWS_AT_ONCE) + _PANEL
    both_bytes = min(_round_up(inner, 32) * at_once * 2, _MOST_OF_BOTH_BYTES)
    return _bytes_of(like, _TILES_BYTES + _LEFT_EXTRA_BYTES + both_bytes)


def _bytes_of(like: Tensor, num_bytes: int) -> Tensor:
    return like.new_empty(num_bytes, dtype=torch.uint8)


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _promoted(left: Tensor, right: Any, *rest: Any, **options: Any) -> list[Tensor]:
    """A copy of each input in the type of the result; CUDA's kernels cast as they read (TensorIterator.cpp)."""
    inputs = [value for value in (left, right) if isinstance(value, Tensor)]
    common = torch.result_type(left, right)
    return [torch.empty_like(value, dtype=common) for value in inputs if value.dtype != common and value.dim()]


CPU_TEMPORARIES: dict[Any, Temporaries] = {
    aten._scaled_dot_product_flash_attention_for_cpu.default: _flash_forward,
    aten._scaled_dot_product_flash_attention_for_cpu_backward.default: _flash_backward,
    aten.mm.default: _product,
    aten.mm.out: _product,
    aten.addmm.default: _added_product,
    aten.addmm.out: _added_product,
    aten.add.Tensor: _promoted,
    aten.sub.Tensor: _promoted,
    aten.mul.Tensor: _promoted,
    aten.div.Tensor: _promoted,
}
"""What an operation allocates and frees again on a CPU."""
