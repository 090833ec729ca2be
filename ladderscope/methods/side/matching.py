"""Chooses the width of an xLadder so that it trains as many parameters as a given Ladder."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ladderscope.backbones.widths import width_step
from ladderscope.methods.side.blocks import side_config_of
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.layer import build_side_network
from ladderscope.methods.side.presets import XLadderConfig
from ladderscope.methods.side.structure import DecoderParts

_TOLERANCE = 0.02


def count_side_parameters(config: SideConfig, backbone_config: Any, parts: DecoderParts) -> int:
    """Trainable parameters of the side network that ``config`` describes, counted on ``meta``."""
    with torch.device("meta"):
        network = build_side_network(config, backbone_config, side_config_of(config, backbone_config), parts)
    return sum(parameter.numel() for parameter in network.parameters())


def match_parameters(config: XLadderConfig, backbone_config: Any, parts: DecoderParts) -> None:
    """Set ``side_width`` and ``side_ffn_width`` of ``config`` as its ``match_params`` asks.

    The width is the one that comes nearest, the feed-forward makes up the difference.

    Raises:
        ValueError: no width up to the backbone's comes within 2%, or widths that are given do not.
    """
    wanted = config.match_params
    if isinstance(wanted, SideConfig):
        wanted = count_side_parameters(wanted, backbone_config, parts)
    config.match_params = int(wanted)
    if config.side_width is not None:  # chosen before, in a process that saved this config
        _check_reached(count_side_parameters(config, backbone_config, parts), wanted, "with the given side_width")
        return

    def count(width: int, ffn_width: int | None = None) -> int:
        trial = copy.copy(config)
        trial.side_width, trial.side_ffn_width = width, ffn_width
        return count_side_parameters(trial, backbone_config, parts)

    step = 1 if config.side_block == "light" else width_step(backbone_config)
    widest = max(1, backbone_config.hidden_size // step)
    low, high = 1, widest
    while low < high:  # the widest that has no more than is wanted
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(middle * step) <= wanted else (low, middle - 1)
    if low == widest:
        _check_reached(count(low * step), wanted, "on this backbone")
    widths = (low * step, min(low + 1, widest) * step)
    width = min(widths, key=lambda w: abs(count(w) - wanted))
    fixed, slope = count(width, 1), count(width, 2) - count(width, 1)
    ffn_width = max(1, round((wanted - fixed) / slope) + 1)
    _check_reached(count(width, ffn_width), wanted, "on this backbone")
    config.side_width, config.side_ffn_width = width, ffn_width


def _check_reached(reached: int, wanted: int, where: str) -> None:
    if abs(reached - wanted) > _TOLERANCE * wanted:
        raise ValueError(
            f"match_params={wanted:,} cannot be met {where}: the nearest side network has {reached:,} "
            "trainable parameters"
        )
