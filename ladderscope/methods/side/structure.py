"""Finds the parts of a decoder-only model by structure, not by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class DecoderParts:
    """Where a side network attaches. ``norm_name`` is the final norm's name from the root of the model."""

    decoder: nn.Module
    blocks: nn.ModuleList
    norm_name: str


def find_decoder(model: nn.Module) -> DecoderParts:
    """The decoder of a causal language model, its blocks, and the norm after the last block.

    Raises:
        ValueError: the model is no decoder-only transformer, or has no norm after its last block.
    """
    config = text_config(model)
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError("side networks need a decoder-only model; this one is an encoder-decoder")
    for name, decoder in model.named_modules():
        for blocks in decoder.children():
            if isinstance(blocks, nn.ModuleList) and len(blocks) == config.num_hidden_layers:
                return DecoderParts(decoder, blocks, _join(name, _final_norm(decoder, blocks)))
    raise ValueError(
        f"cannot attach a side network to {type(model).__name__}: it has no list of {config.num_hidden_layers} blocks"
    )


def _final_norm(decoder: nn.Module, blocks: nn.ModuleList) -> str:
    children = dict(decoder.named_children())
    names = list(children)
    after_blocks = names[next(i for i, name in enumerate(names) if children[name] is blocks) + 1 :]
    norms = [
        name
        for name in after_blocks
        if "norm" in type(getattr(children[name], "base_layer", children[name])).__name__.lower()
    ]
    # OPT declares its final norm before its blocks.
    norms = norms or [name for name in names if name.startswith("final") and children[name] is not None]
    if not norms:
        raise ValueError(f"cannot attach a side network to {type(decoder).__name__}: it has no norm after its blocks")
    return norms[0]


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def text_config(model: Any) -> Any:
    """The config of the language model, also inside a multi-modal one."""
    return model.config.get_text_config()
