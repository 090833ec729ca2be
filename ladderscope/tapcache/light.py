"""Loads what is needed of a backbone whose taps are cached: everything but the weights of its blocks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module

from ladderscope.backbones.loading import backbone_source, load_backbone
from ladderscope.backbones.names import BackboneName, backbone_config
from ladderscope.methods.side.structure import find_decoder, text_config
from ladderscope.tapcache.placement import MaxMemory, path_of, place_blocks


def meta_backbone(config: Any, dtype: torch.dtype) -> Any:
    """A model of ``config`` without any weights."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=dtype)


def load_for_filling(
    name: BackboneName,
    dtype: torch.dtype,
    quantization: str,
    device: torch.device,
    offload_folder: Path,
    max_memory: MaxMemory | None = None,
) -> Any:
    """A backbone that runs on ``device``, from host memory and the disk where it does not fit and is not quantised.

    Args:
        name: of the backbone.
        dtype: of its weights.
        quantization: of its linear layers.
        device: where it computes.
        offload_folder: for weights that the checkpoint does not hold in the form that is needed.
        max_memory: that may be used; None for what is free.

    Raises:
        UsageError: it cannot be loaded.
    """
    places = None
    if quantization == "none":
        places = place_blocks(meta_backbone(backbone_config(name), dtype), device, max_memory)
    return load_backbone(
        name, dtype, quantization, device, seed=0, device_map=places, offload_folder=offload_folder
    ).model


def load_without_blocks(name: BackboneName, dtype: torch.dtype, quantization: str, device: torch.device) -> Any:
    """Head, embeddings, norms and positions of a backbone with their weights, and its blocks on ``meta``.

    ``from_pretrained`` makes a model of no blocks: their weights are not expected then, and not read. Neither
    embeddings nor head nor norms are ever quantised. A model class that cannot be made without blocks is loaded
    whole, as for training.

    Returns:
        The model, with blocks that say that they compute on ``device``.
    """
    try:
        return _without_blocks(name, dtype, device)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return load_backbone(name, dtype, quantization, device, seed=0).model


def _without_blocks(name: BackboneName, dtype: torch.dtype, device: torch.device) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    source = backbone_source(name)
    config = AutoConfig.from_pretrained(source)
    skeleton = meta_backbone(config, dtype)
    parts, num_layers = find_decoder(skeleton), config.get_text_config().num_hidden_layers
    path = path_of(skeleton, parts.blocks)
    empty = copy.deepcopy(config)
    empty.get_text_config().num_hidden_layers = 0
    with _quiet():
        model = AutoModelForCausalLM.from_pretrained(source, config=empty, dtype=dtype, device_map=str(device))
    parent, _, last = path.rpartition(".")
    setattr(model.get_submodule(parent), last, parts.blocks)
    text_config(model).num_hidden_layers = num_layers
    left = [key for key, parameter in model.named_parameters() if parameter.is_meta != key.startswith(f"{path}.")]
    if left or {*dict(skeleton.named_parameters())} != {*dict(model.named_parameters())}:
        raise ValueError(f"{type(model).__name__} without blocks is another model")
    for block in parts.blocks:
        add_hook_to_module(block, _computes_on(device))
    return model.eval()


def _computes_on(device: torch.device) -> Any:
    """Says where a block would compute whose weights are elsewhere, as accelerate's hooks do."""
    hook: Any = ModelHook()
    hook.execution_device = device
    return hook


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers would list the weights of all blocks as unexpected."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
