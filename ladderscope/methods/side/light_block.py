"""The side block of the authors' prototype of Ladder: one head, no norm, no positions, ReLU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.cache import find_cache


class LightBlock(nn.Module):
    """``s = s + attention(s); s = s + feed_forward(s)`` on (B, T, W).

    One head of width W without an output projection, scale 1 / sqrt(W), no positions; a feed-forward of four times the
    width with ReLU; no norm.

    Args:
        width: W.
        ffn_width: of the feed-forward.
        layer_idx: where its keys and values are in a cache.
        argument_names: of what a backbone block is given by position, behind the hidden state.
    """

    def __init__(self, width: int, ffn_width: int, layer_idx: int, argument_names: Sequence[str] = ()) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.up = nn.Linear(width, ffn_width)
        self.down = nn.Linear(ffn_width, width)
        self.layer_idx = layer_idx
        self.argument_names = tuple(argument_names)

    def forward(self, stream: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Run the block; mask and cache are found among the arguments of a backbone block."""
        mask: Tensor | None = {**dict(zip(self.argument_names, args, strict=False)), **kwargs}.get("attention_mask")
        cache = find_cache(args, kwargs)
        query, key, value = (project(stream).unsqueeze(1) for project in (self.query, self.key, self.value))
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx)
        causal = mask is None and query.shape[2] > 1
        if mask is not None and mask.is_floating_point():
            mask = mask.to(query.dtype)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        stream = stream + attended.squeeze(1)
        out: Tensor = stream + self.down(torch.relu(self.up(stream)))
        return out
