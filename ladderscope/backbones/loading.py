"""Loads a backbone: a real model with its tokenizer, or random weights in a real shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import nn

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.drawn import draw_model
from ladderscope.backbones.names import BackboneName
from ladderscope.backbones.quantize import keep_training_layout, quantization_config, quantize_in_place
from ladderscope.backbones.wheel import smollm2_folder
from ladderscope.errors import UsageError

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True)
class Backbone:
    """A loaded backbone. ``tokenizer`` is None for random weights."""

    model: nn.Module
    tokenizer: Any
    weights: Literal["pretrained", "random"]


def load_backbone(
    name: BackboneName,
    dtype: torch.dtype,
    quantization: str,
    device: torch.device,
    seed: int,
    *,
    device_map: Mapping[str, str] | None = None,
    offload_folder: Path | None = None,
) -> Backbone:
    """Load a backbone onto ``device``; ``seed`` decides random weights.

    Args:
        name: of the backbone.
        dtype: of its weights.
        quantization: of its linear layers.
        device: where it computes.
        seed: of random weights.
        device_map: of module names to devices, ``"cpu"`` and ``"disk"``, for what does not fit on ``device``, as
            accelerate takes it; an unquantised backbone then runs block by block. None loads all onto ``device``.
        offload_folder: takes what is on the disk, but not in the checkpoint in the form that is needed.

    Raises:
        UsageError: the folder or hub model cannot be loaded.
    """
    if name.kind == "random":
        return random_backbone(architecture_config(name.source), dtype, quantization, device, seed)
    from transformers import AutoModelForCausalLM

    source = backbone_source(name)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=dtype,
            device_map=str(device) if device_map is None else dict(device_map),
            offload_folder=None if offload_folder is None else str(offload_folder),
            quantization_config=quantization_config(quantization, dtype),
        )
        keep_training_layout(model)
    except (OSError, ValueError, SafetensorError) as error:
        raise UsageError(f"cannot load the model {source}: {str(error).strip().splitlines()[0]}") from error
    return Backbone(model, load_tokenizer(name), "pretrained")


def backbone_source(name: BackboneName) -> str:
    """What transformers loads a pretrained backbone from: an absolute folder, or a hub name."""
    if name.kind == "wheel":
        return str(smollm2_folder().absolute())
    return str(Path(name.source).absolute()) if name.kind == "folder" else name.source


def load_tokenizer(name: BackboneName) -> Any:
    """The tokenizer of a pretrained backbone.

    Raises:
        UsageError: it has none, or it cannot be loaded.
    """
    from transformers import AutoTokenizer

    source = backbone_source(name)
    try:
        return AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise UsageError(
            f"cannot load the model {source}: it comes without a tokenizer that can be read ({reason}). Save one "
            "beside it with `tokenizer.save_pretrained`."
        ) from error


def random_backbone(
    config: Any,
    dtype: torch.dtype,
    quantization: str,
    device: torch.device,
    seed: int,
    host: torch.device | None = None,
) -> Backbone:
    """A backbone of the shape of ``config`` with random weights.

    Args:
        config: of transformers.
        dtype: of the weights.
        quantization: of its linear layers, which go to ``device`` one by one, so that it never holds the whole model
            unquantised.
        device: where it computes.
        seed: of the weights.
        host: where it is made; by default the CPU, or ``device`` itself where that is a GPU.
    """
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    if host is None and device.type == "cuda":
        drawn = draw_model(config, dtype, quantization, device)
        keep_training_layout(drawn)
        return Backbone(drawn.eval(), None, "random")
    with host or torch.device("cpu"):
        model: nn.Module = AutoModelForCausalLM.from_config(config, dtype=dtype)
    quantize_in_place(model, quantization, dtype, device)
    keep_training_layout(model)
    return Backbone(model.to(device).eval(), None, "random")
