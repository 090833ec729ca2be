"""Attention of side blocks whose heads share keys, in fp32.

CUDA has no fused kernel for shared keys in fp32, in which side networks train: PyTorch would write all scores of all
heads, and keep them for backward. With the keys repeated, which are narrow here, the memory-efficient kernel runs.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

REPEATED_KEYS = "ladderscope_sdpa"


def choose_attention(narrow: Any) -> None:
    """Let blocks of the config ``narrow`` repeat shared keys, where they would use PyTorch's own attention."""
    shared = getattr(narrow, "num_key_value_heads", None) not in (None, narrow.num_attention_heads)
    if shared and getattr(narrow, "_attn_implementation", None) == "sdpa":
        narrow._attn_implementation = REPEATED_KEYS


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor | None]:
    """transformers' attention function for PyTorch's kernels; keys (B, K, T, C) are repeated in fp32."""
    groups = getattr(module, "num_key_value_groups", 1)
    if groups > 1 and query.dtype == torch.float32:
        key, value = repeat_kv(key, groups), repeat_kv(value, groups)
        module = SimpleNamespace(is_causal=getattr(module, "is_causal", True))  # it would repeat them again
    attended: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, **options
    )
    return attended


AttentionInterface.register(REPEATED_KEYS, attend)
