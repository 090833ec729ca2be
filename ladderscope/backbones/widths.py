"""A backbone's block at a smaller width, as a config."""

from __future__ import annotations

import copy
from typing import Any

_WIDTHS = ("hidden_size", "head_dim", "word_embed_proj_dim", "query_pre_attn_scalar")
_FEED_FORWARD_WIDTHS = ("intermediate_size", "ffn_dim", "n_inner")


def narrow_config(config: Any, reduction_factor: int) -> Any:
    """A copy of ``config`` with every width divided by ``reduction_factor`` and the numbers of heads kept.

    Raises:
        ValueError: the factor does not divide a width, or leaves a head an odd number of channels.
    """
    if reduction_factor not in valid_reduction_factors(config):
        valid = ", ".join(map(str, valid_reduction_factors(config)))
        raise ValueError(
            f"a reduction factor of {reduction_factor} does not fit a hidden size of {config.hidden_size} with "
            f"{config.num_attention_heads} heads: use one of {valid}"
        )
    narrow = copy.deepcopy(config)
    for name in (*_WIDTHS, *_FEED_FORWARD_WIDTHS):
        if getattr(config, name, None) is not None:
            setattr(narrow, name, getattr(config, name) // reduction_factor)
    return narrow


def valid_reduction_factors(config: Any) -> list[int]:
    """All reduction factors, from 1 up, that this architecture's block can be built with."""
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rotary = _rotary_fraction(config)

    def fits(factor: int) -> bool:
        return (
            head_dim % factor == 0
            and all(
                getattr(config, name) % factor == 0 for name in _FEED_FORWARD_WIDTHS if getattr(config, name, None)
            )
            and config.hidden_size % factor == 0
            # rotary embeddings turn pairs of channels
            and (rotary is None or int(head_dim // factor * rotary) % 2 == 0 < int(head_dim // factor * rotary))
        )

    return [factor for factor in range(1, head_dim + 1) if fits(factor)]


def _rotary_fraction(config: Any) -> float | None:
    rope = getattr(config, "rope_parameters", None)
    return float(rope.get("partial_rotary_factor", 1.0)) if rope else None
