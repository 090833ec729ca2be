"""Finds the parts of a decoder-only model by structure, not by name."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

_OTHER_INPUTS = {"per_layer_input", "shared_kv_states"}
"""Arguments of Gemma 3n's and Gemma 4's blocks."""


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
    name = type(model).__name__
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(f"side networks need a decoder-only model; {name} is an encoder-decoder")
    get_decoder: Any = getattr(model, "get_decoder", lambda: None)
    language_model = get_decoder()
    # A vision tower may have as many blocks.
    modules = sorted(model.named_modules(), key=lambda named: named[1] is not language_model)
    for path, decoder in modules:
        for blocks in decoder.children():
            if isinstance(blocks, nn.ModuleList) and len(blocks) == config.num_hidden_layers:
                _refuse_other_blocks(name, config, blocks)
                _refuse_flash_package(name, config)
                return DecoderParts(decoder, blocks, _join(path, _final_norm(decoder, blocks)))
    raise ValueError(f"cannot attach a side network to {name}: it has no list of {config.num_hidden_layers} blocks")


def execution_device(block: nn.Module) -> torch.device:
    """Where ``block`` computes, which is not where its weights are if accelerate offloads them."""
    for module in block.modules():
        hook = getattr(module, "_hf_hook", None)
        if getattr(hook, "execution_device", None) is not None:
            return torch.device(hook.execution_device)  # type: ignore[union-attr]
    return next(block.parameters()).device


def _refuse_other_blocks(name: str, config: Any, blocks: nn.ModuleList) -> None:
    kinds = getattr(config, "layer_types", None) or []
    no_heads = "linear_attention" in kinds or getattr(config, "num_attention_heads", None) is None
    for block in blocks:
        attentions = [module for module in block.modules() if is_attention(module)]
        if no_heads or not attentions or any(isinstance(module, nn.Conv1d) for module in block.modules()):
            raise ValueError(
                f"side networks need a decoder-only transformer; {name} has blocks without attention, or with more "
                "than attention (a state-space, recurrent or hybrid model)"
            )
        if not _OTHER_INPUTS.isdisjoint(inspect.signature(block.forward).parameters):
            raise ValueError(
                f"cannot attach a side network to {name}: its blocks hand each other more than one hidden state "
                f"({' or '.join(sorted(_OTHER_INPUTS))}), which narrow side blocks cannot take"
            )
        if not all(getattr(attention, "is_causal", True) for attention in attentions):
            raise ValueError(
                f"side networks need a decoder-only model; {name} is an encoder: its attention is not causal"
            )


def _refuse_flash_package(name: str, config: Any) -> None:
    """The package's kernels take no fp32, in which side networks train, and give blocks another kind of mask."""
    implementation = str(getattr(config, "_attn_implementation", None))
    if "flash" in implementation:
        raise ValueError(
            f"side networks cannot share the attention implementation {implementation!r} of {name}: load the model "
            'with attn_implementation="sdpa", which runs flash kernels too'
        )


def is_attention(module: nn.Module) -> bool:
    """Whether a module is attention, by what transformers' attention classes have in common."""
    return hasattr(module, "is_causal") or type(module).__name__.endswith("Attention")


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
