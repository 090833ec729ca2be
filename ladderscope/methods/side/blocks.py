"""Makes the side blocks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.backbones.widths import resize_config, side_width_of
from ladderscope.methods.side.attention import choose_attention
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.light_block import LightBlock
from ladderscope.methods.side.structure import DecoderParts
from ladderscope.methods.side.taps import group_by_tap

_LIGHT_FFN_FACTOR = 4


def side_config_of(config: SideConfig, backbone_config: Any) -> Any:
    """The backbone's config at the width of the side network.

    Raises:
        ValueError: the width does not fit the architecture; those that do are named.
    """
    width = config.side_width
    if width is None:
        width = side_width_of(backbone_config, config.reduction_factor, any_width=config.side_block == "light")
    elif width > backbone_config.hidden_size:
        raise ValueError(f"side_width {width} is wider than the backbone, which has {backbone_config.hidden_size}")
    if config.side_block == "light":
        ffn_width = config.side_ffn_width or _LIGHT_FFN_FACTOR * width
        return resize_config(backbone_config, width, ffn_width, any_width=True)
    narrow = resize_config(backbone_config, width, config.side_ffn_width)
    choose_attention(narrow)
    return narrow


def make_side_block(config: SideConfig, narrow: Any, parts: DecoderParts, index: int) -> nn.Module:
    """Side block number ``index``.

    It is made as the backbone block that feeds it would be at the narrow width: some architectures alternate between
    kinds of attention, and a side block is given the mask of that backbone block. A free block is like the last tap's.

    Args:
        config: the side-tuning choices.
        narrow: the backbone's config at the side's width.
        parts: the backbone's decoder and blocks.
        index: of the side block.
    """
    num_layers = len(parts.blocks)
    layer_idx = num_layers + index  # behind the backbone's in a key-value cache
    if config.side_block == "light":
        _, _, *names = inspect.signature(type(parts.blocks[0]).forward).parameters  # behind self and hidden state
        return LightBlock(narrow.hidden_size, narrow.side_ffn_width, layer_idx, names)
    source = mask_sources(config, num_layers)[index]
    make_block: Any = type(parts.blocks[source])
    block: nn.Module = make_block(narrow, source)
    for module in block.modules():
        for name in {"layer_idx", "layer_id"} & vars(module).keys():
            vars(module)[name] = layer_idx
        _fill_own_parameters(module, parts.decoder)
    return block


def _fill_own_parameters(module: nn.Module, decoder: Any) -> None:
    """Give parameters a value that transformers leaves unset until a whole model is made: experts, routers, sinks."""
    made_by_torch = type(module).__module__.startswith("torch.") or type(module).__name__ == "Conv1D"
    own = list(module.parameters(recurse=False))
    if own and not made_by_torch and not own[0].is_meta and hasattr(decoder, "_init_weights"):
        decoder._init_weights(module)


def mask_sources(config: SideConfig, num_layers: int) -> list[int]:
    """For every side block the backbone block whose mask it gets: the one that runs just before it."""
    return [tap for tap, group in group_by_tap(config.tap_map(num_layers)).items() for _ in group]


def block_arguments(
    args: Sequence[Any], kwargs: Mapping[str, Any], device: torch.device
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a backbone block, those besides the hidden state, on the device of its side block."""

    def moved(value: Any) -> Any:
        return value.to(device) if isinstance(value, Tensor) else value

    return [moved(value) for value in args], {name: moved(value) for name, value in kwargs.items()}
