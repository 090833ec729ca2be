"""The side block of the authors' prototype of Ladder: one head, no norm, no positions, ReLU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LightBlock(nn.Module):
    """``s = s + attention(s); s = s + feed_forward(s)`` on (B, T, W).

    One head of width W without an output projection, scale 1 / sqrt(W), no positions; a feed-forward of four times the
    width with ReLU; no norm.

    Args:
        width: W.
        ffn_width: of the feed-forward.
        layer_idx: where its keys and values are in a cache.
    """

    def __init__(self, width: int, ffn_width: int, layer_idx: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.up = nn.Linear(width, ffn_width)
        self.down = nn.Linear(ffn_width, width)
        self.layer_idx = layer_idx

    def forward(
        self,
        stream: Tensor,
        *unused: Any,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **unused_by_name: Any,
    ) -> Tensor:
        """Run the block; mask and cache are those of a backbone block."""
        query, key, value = (project(stream).unsqueeze(1) for project in (self.query, self.key, self.value))
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        mask, causal = attention_mask, attention_mask is None and query.shape[2] > 1
        if mask is not None and mask.is_floating_point():
            mask = mask.to(query.dtype)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        stream = stream + attended.squeeze(1)
        out: Tensor = stream + self.down(torch.relu(self.up(stream)))
        return out
