"""What a CUDA device would run where `meta` would take another path: kernels and the temporaries inside of them.

Read in the sources of PyTorch (flash_api.cpp, attention_backward.cu, layer_norm.cpp) and of bitsandbytes 0.50.2
(backends/cuda/ops.py, autograd/_functions.py). Not modelled: cuBLAS workspaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import bitsandbytes  # noqa: F401  (defines its operations)
import torch
from torch import Tensor, nn

aten = torch.ops.aten


@contextmanager
def cuda_functions() -> Iterator[None]:
    """Sends attention and RMSNorm, which PyTorch takes apart on `meta`, to the operations that CUDA has for them.

    A patch and no function mode: a mode is off inside of ``backward``, where checkpointing runs the forward again.
    """
    with (
        mock.patch.object(nn.functional, "scaled_dot_product_attention", _attention),
        mock.patch.object(nn.functional, "rms_norm", _rms_norm),
    ):
        yield


def _attention(query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
    """Flash attention in 16 bits, memory-efficient attention in fp32, for causal attention without a mask.

    Raises:
        NotImplementedError: a mask, or fewer key heads than query heads in fp32, which no fused kernel takes.
    """
    grouped = query.shape[1] != key.shape[1]
    if options.get("attn_mask") is not None or (grouped and query.dtype == torch.float32):
        raise NotImplementedError("traced only: attention without a mask, and in fp32 as many key as query heads")
    causal, scale = options.get("is_causal", False), options.get("scale")
    out: Tensor
    if query.dtype == torch.float32:
        out = aten._scaled_dot_product_efficient_attention(query, key, value, None, True, 0.0, causal, scale=scale)[0]
    else:
        out = aten._scaled_dot_product_flash_attention(query, key, value, 0.0, causal, scale=scale)[0]
    return out


def _rms_norm(hidden: Tensor, shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    out: Tensor = _FusedRMSNorm.apply(hidden, weight)  # type: ignore[no-untyped-call]
    return out


class _FusedRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor | None) -> Tensor:
        rstd = hidden.new_empty(hidden.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(hidden, weight, rstd)
        return torch.empty_like(hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, _ = ctx.saved_tensors
        return torch.empty_like(hidden), torch.empty_like(weight) if weight is not None else None


def _flash_backward_temporaries(grad: Tensor, query: Tensor, key: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """Row sums, the fp32 sum of the query's gradient, and per query head the gradients of keys that heads share."""
    batch, heads, tokens, channels = query.shape
    rounded_tokens, rounded_channels = _round_up(tokens, 128), _round_up(channels, 32)
    row_sums = query.new_empty(batch, heads, rounded_tokens, dtype=torch.float32)
    query_sum = query.new_empty(batch, rounded_tokens, heads, rounded_channels, dtype=torch.float32)
    shared = [query.new_empty(batch, heads, key.shape[2], channels) for _ in "kv"] if key.shape[1] != heads else []
    return [row_sums, query_sum, *shared]


def _efficient_backward_temporaries(grad: Tensor, *rest: Any, **options: Any) -> list[Tensor]:
    """Row sums of gradient times output, which the fp32 kernel does not take itself."""
    return [torch.empty_like(grad, dtype=torch.float32).sum(-1)]


def _gemm_4bit(
    activations: Tensor,
    packed: Tensor,
    shape: Any,
    absmax: Tensor,
    blocksize: int,
    quant_type: str,
    bias: Tensor | None = None,
    absmax_8bit: Tensor | None = None,
    absmax_code: Tensor | None = None,
    absmax_offset: Tensor | None = None,
) -> Tensor:
    """The whole weight in 16 bits, then a product: CUDA's way with large weights and more than 256 tokens."""
    if absmax_8bit is not None:
        assert absmax_offset is not None
        constants = [torch.empty_like(absmax_8bit, dtype=torch.float32)]
        constants.append(constants[0] + absmax_offset)  # both stay until the product is done
    weight = activations.new_empty(tuple(shape))
    return nn.functional.linear(activations, weight, bias)


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


TEMPORARIES: dict[Any, Callable[..., list[Tensor]]] = {
    aten._scaled_dot_product_flash_attention_backward.default: _flash_backward_temporaries,
    aten._scaled_dot_product_efficient_attention_backward.default: _efficient_backward_temporaries,
}
"""What an operation's kernel allocates besides its results, and keeps until it is done."""

REPLACEMENTS: dict[Any, Callable[..., Any]] = {torch.ops.bitsandbytes.gemm_4bit.default: _gemm_4bit}
"""Operations that CUDA builds from others."""
