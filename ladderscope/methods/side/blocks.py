"""Makes the side blocks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.backbones.widths import resize_config, side_width_of
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.light_block import LightBlock
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
    return resize_config(backbone_config, width, config.side_ffn_width)


def make_side_block(config: SideConfig, narrow: Any, backbone_blocks: Sequence[nn.Module], index: int) -> nn.Module:
    """Side block number ``index``.

    It is made as the backbone block that feeds it would be at the narrow width: some architectures alternate between
    kinds of attention, and a side block is given the mask of that backbone block. A free block is like the last tap's.

    Args:
        config: the side-tuning choices.
        narrow: the backbone's config at the side's width.
        backbone_blocks: all blocks of the backbone.
        index: of the side block.
    """
    num_layers = len(backbone_blocks)
    layer_idx = num_layers + index  # behind the backbone's in a key-value cache
    if config.side_block == "light":
        _, _, *names = inspect.signature(type(backbone_blocks[0]).forward).parameters  # behind self and hidden state
        return LightBlock(narrow.hidden_size, narrow.side_ffn_width, layer_idx, names)
    source = mask_sources(config, num_layers)[index]
    make_block: Any = type(backbone_blocks[source])
    block: nn.Module = make_block(narrow, source)
    for module in block.modules():
        if hasattr(module, "layer_idx"):
            vars(module)["layer_idx"] = layer_idx
    return block


def mask_sources(config: SideConfig, num_layers: int) -> list[int]:
    """For every side block the backbone block whose mask it gets: the one that runs just before it."""
    return [tap for tap, group in group_by_tap(config.tap_map(num_layers)).items() for _ in group]


def block_arguments(
    args: Sequence[Any], kwargs: Mapping[str, Any], device: torch.device
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a backbone block, but for the hidden state, as its side block needs them."""

    def moved(value: Any) -> Any:
        return value.to(device) if isinstance(value, Tensor) else value

    return [moved(value) for value in args[1:]], {name: moved(value) for name, value in kwargs.items()}
