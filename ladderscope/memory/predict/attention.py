"""Which kernel ``scaled_dot_product_attention`` takes on CUDA, and what that kernel allocates.

Read in PyTorch's sdp_utils.cpp (who may run), attention.cpp (masks), flash_api.cpp and attention_backward.cu.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ladderscope.memory.predict.gpus import Gpu

aten = torch.ops.aten
_HALF = (torch.float16, torch.bfloat16)
_MAX_FLASH_CHANNELS = 256
_FLASH_ALIGNMENT = 8
_MASK_ALIGNMENT = 8
_TILE_WIDTH, _TILE_HEADER_BYTES = 64, 16
_SMALL_SHARED_MEMORY = (86, 89, 120, 121)
"""GPUs on which flash attention cannot train heads of 193 to 224 channels, nor longer ones with dropout."""


def cuda_attention(gpu: Gpu) -> Callable[..., Tensor]:
    """``scaled_dot_product_attention`` as ``gpu`` runs it, by the operations that it is made of."""

    def attention(
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
        kernel = choose_kernel(gpu, query, key, value, attn_mask, dropout_p, enable_gqa)
        out: Tensor
        if kernel == "flash":
            scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
            channels = query.shape[-1]
            query, key, value = map(_padded, (query, key, value))
            out = aten._scaled_dot_product_flash_attention(query, key, value, dropout_p, is_causal, scale=scale)[0]
            out = out[..., :channels]
        elif kernel == "efficient":
            keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (query, key, value))
            bias = _bias(attn_mask, query, key)
            out = aten._scaled_dot_product_efficient_attention(
                query, key, value, bias, keep, dropout_p, is_causal, scale=scale
            )[0]
        else:
            out = aten.scaled_dot_product_attention.default.decompose(
                query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
            )
        return out

    return attention


def _padded(tensor: Tensor) -> Tensor:
    """Heads of a multiple of eight channels, as flash attention is given them (``pad_last_dim`` in attention.cpp)."""
    missing = -tensor.shape[-1] % _FLASH_ALIGNMENT
    return torch.nn.functional.pad(tensor, (0, missing)) if missing else tensor


def choose_kernel(
    gpu: Gpu, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, grouped: bool
) -> str:
    """``flash``, ``efficient`` or ``math``, in this order of preference.

    cuDNN's kernel, which newer versions prefer on some GPUs, keeps what flash attention keeps; it is not told apart.
    """
    if query.dim() != 4 or not _may_be_fused():
        return "math"
    same_heads = query.shape[1] == key.shape[1]
    flash = query.dtype in _HALF and gpu.arch >= 80 and query.shape[-1] <= _MAX_FLASH_CHANNELS
    if gpu.arch in _SMALL_SHARED_MEMORY and (query.requires_grad or key.requires_grad or value.requires_grad):
        flash = flash and not (192 < query.shape[-1] <= 224 or (query.shape[-1] > 224 and dropout_p > 0))
    if flash and mask is None and value.shape[-1] == query.shape[-1] and torch.backends.cuda.flash_sdp_enabled():
        return "flash"
    fits = query.dtype == torch.float32 or query.dtype == torch.float16 or gpu.arch >= 80
    fits = fits and not any(tensor.shape[-1] % _alignment(gpu, query.dtype) for tensor in (query, value))
    if fits and (same_heads or not grouped) and torch.backends.cuda.mem_efficient_sdp_enabled():
        return "efficient" if not (mask is not None and mask.requires_grad) else "math"
    return "math"


def _alignment(gpu: Gpu, dtype: torch.dtype) -> int:
    """Of how many channels a head has a multiple for the efficient kernel: 16 bytes where it uses tensor cores.

    ``minimum_gemm_alignment`` in sdp_utils.cpp.
    """
    if dtype in _HALF:
        return 8 if gpu.arch >= 70 else 1
    return 4 if gpu.arch >= 80 else 1


def _may_be_fused() -> bool:
    return bool(torch.backends.cuda.flash_sdp_enabled() or torch.backends.cuda.mem_efficient_sdp_enabled())


def _bias(mask: Tensor | None, query: Tensor, key: Tensor) -> Tensor | None:
    """The mask as the kernel takes it: numbers, its last dimension in rows of a multiple of eight."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        mask = torch.where(mask, 0.0, torch.tensor(float("-inf"), dtype=query.dtype, device=query.device))
    tokens = mask.shape[-1]
    if tokens % _MASK_ALIGNMENT:
        padding = _MASK_ALIGNMENT - tokens % _MASK_ALIGNMENT
        mask = torch.nn.functional.pad(mask, (0, padding))[..., :tokens]
    return mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


# ---- inside of the kernels' backward -------------------------------------------------------------------------------


def flash_backward_temporaries(grad: Tensor, query: Tensor, key: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """Row sums, the fp32 sum of the query's gradient, and per query head the gradients of keys that heads share."""
    batch, heads, tokens, channels = query.shape
    rounded_tokens, rounded_channels = _round_up(tokens, 128), _round_up(channels, 32)
    row_sums = query.new_empty(batch, heads, rounded_tokens, dtype=torch.float32)
    query_sum = query.new_empty(batch, rounded_tokens, heads, rounded_channels, dtype=torch.float32)
    shared = [query.new_empty(batch, heads, key.shape[2], channels) for _ in "kv"] if key.shape[1] != heads else []
    return [row_sums, query_sum, *shared]


def efficient_backward_temporaries(grad: Tensor, query: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """Row sums of gradient times output, and the fp32 sum of the query's gradient (kernel_backward.h).

    In fp32 the product of gradient and output is made outside of the kernel, and gone when the sum is made. The sum
    comes in tiles, whose height depends on kernel and GPU: it is rounded up as the usual kernels do.
    """
    batch, heads, tokens, channels = query.shape
    is_half = grad.dtype in _HALF
    if not is_half:
        product = grad.new_empty(grad.shape)
        del product
    sums = grad.new_empty(grad.shape[:-1], dtype=torch.float32)
    height = 128 if is_half and channels <= 128 else 64
    tiles = -(-tokens // height) * -(-channels // _TILE_WIDTH)
    tile_bytes = height * _TILE_WIDTH * 4 + _TILE_HEADER_BYTES
    return [sums, grad.new_empty(batch * heads * tiles * tile_bytes, dtype=torch.uint8)]


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
