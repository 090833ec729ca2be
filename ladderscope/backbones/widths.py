"""A backbone's block at a smaller width, as a config."""

from __future__ import annotations

import copy
from typing import Any

_WIDTHS = ("head_dim", "word_embed_proj_dim", "query_pre_attn_scalar")
_LATENT_WIDTHS = ("q_lora_rank", "kv_lora_rank", "qk_head_dim", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
_FEED_FORWARD_WIDTHS = ("intermediate_size", "ffn_dim", "n_inner", "moe_intermediate_size")


class ReductionFactorError(ValueError):
    """A reduction factor that an architecture's block cannot be built with.

    Attributes:
        factor: that was given.
        fault: what is wrong with it, as words that follow it.
        valid: the factors that there are instead.
    """

    def __init__(self, factor: int, config: Any, valid: list[int]) -> None:
        self.factor, self.fault, self.valid = factor, _fault(factor, config), valid
        super().__init__(f"a reduction factor of {factor} {self.fault}: use one of {', '.join(map(str, valid))}")

    @property
    def nearest(self) -> int:
        """Of the factors that there are instead, the one that makes the least difference."""
        factor = max(self.factor, 1)
        return min(self.valid, key=lambda valid: max(valid, factor) / min(valid, factor))


def _fault(factor: int, config: Any) -> str:
    if factor < 1:
        return "is not above 0"
    width, rest = divmod(int(config.hidden_size), factor)
    if rest:
        return f"does not divide the hidden size of {config.hidden_size}"
    return f"makes side blocks of width {width}, which do not fit {config.num_attention_heads} heads"


def narrow_config(config: Any, reduction_factor: int) -> Any:
    """A copy of ``config`` with every width divided by ``reduction_factor`` and the numbers of heads kept.

    Raises:
        ValueError: the factor does not divide a width, or leaves a head an odd number of channels.
    """
    return resize_config(config, side_width_of(config, reduction_factor))


def side_width_of(config: Any, reduction_factor: int, any_width: bool = False) -> int:
    """Hidden size over ``reduction_factor``.

    Args:
        config: of the backbone.
        reduction_factor: what to divide by.
        any_width: whether the side blocks have no heads to fit in.

    Raises:
        ReductionFactorError: the factor does not fit.
    """
    hidden_size = int(config.hidden_size)
    divides = reduction_factor > 0 and hidden_size % reduction_factor == 0
    if not (divides and (any_width or _fits(config, hidden_size // reduction_factor))):
        valid = _divisors(hidden_size) if any_width else valid_reduction_factors(config)
        raise ReductionFactorError(reduction_factor, config, valid)
    return hidden_size // reduction_factor


def resize_config(config: Any, width: int, ffn_width: int | None = None, any_width: bool = False) -> Any:
    """A copy of ``config`` with hidden size ``width`` and the numbers of heads kept.

    Args:
        config: of the backbone.
        width: the hidden size of the copy.
        ffn_width: its feed-forward width; None scales the backbone's. Also set as ``side_ffn_width`` of the copy.
        any_width: whether the side blocks have no heads to fit in.

    Raises:
        ValueError: the width leaves a head no even number of channels.
    """
    if not any_width and not _fits(config, width):
        raise ValueError(
            f"a side width of {width} does not fit {config.num_attention_heads} heads: use a multiple of "
            f"{width_step(config)}"
        )
    narrow = copy.deepcopy(config)
    for name in (*_WIDTHS, *_LATENT_WIDTHS):
        follows = isinstance(getattr(type(config), name, None), property)
        if not follows and getattr(config, name, None) is not None:
            setattr(narrow, name, getattr(config, name) * width // config.hidden_size)
    for name in _FEED_FORWARD_WIDTHS:
        if getattr(config, name, None) is not None:
            setattr(narrow, name, ffn_width or getattr(config, name) * width // config.hidden_size)
    if ffn_width is not None and getattr(narrow, "n_inner", 0) is None:
        narrow.n_inner = ffn_width
    narrow.hidden_size = width
    narrow.side_ffn_width = ffn_width
    return narrow


def valid_reduction_factors(config: Any) -> list[int]:
    """All reduction factors, from 1 up, that this architecture's block can be built with."""
    hidden_size = int(config.hidden_size)
    return [factor for factor in _divisors(hidden_size) if _fits(config, hidden_size // factor)]


def width_step(config: Any) -> int:
    """Every multiple of this is a width that the architecture's block can be built with."""
    return next(width for width in range(1, int(config.hidden_size) + 1) if _fits(config, width))


def _fits(config: Any, width: int) -> bool:
    """Whether heads keep a whole number of channels, an even number of them rotated, and widths stay whole."""
    hidden_size, head_dim = int(config.hidden_size), _head_dim(config)
    if width < 1 or head_dim * width % hidden_size:
        return False
    narrow_head = head_dim * width // hidden_size
    rotary = _rotary_fraction(config)
    return (width % config.num_attention_heads == 0 or getattr(config, "head_dim", None) is not None) and (
        rotary is None or int(narrow_head * rotary) % 2 == 0 < int(narrow_head * rotary)
    )


def _head_dim(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _divisors(number: int) -> list[int]:
    return [factor for factor in range(1, number + 1) if number % factor == 0]


def _rotary_fraction(config: Any) -> float | None:
    rope = getattr(config, "rope_parameters", None)
    return float(rope.get("partial_rotary_factor", 1.0)) if rope else None
