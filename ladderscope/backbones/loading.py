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
    offload_folder: Path | None = None,
    max_memory: Mapping[int | str, int | str] | None = None,
) -> Backbone:
    """Load a backbone onto ``device``; ``seed`` decides random weights.

    Args:
        name: of the backbone.
        dtype: of its weights.
        quantization: of its linear layers.
        device: where it computes.
        seed: of random weights.
        offload_folder: an unquantised backbone that does not fit on ``device`` stays in host memory and on the disk
            as far as needed, and is run from there block by block; this folder takes what the checkpoint does not
            hold in the form that is needed. None loads it whole.
        max_memory: bytes of each device that may be used then, as accelerate takes it; None for what is free.

    Raises:
        UsageError: the folder or hub model cannot be loaded.
    """
    if name.kind == "random":
        return Backbone(_random_model(name.source, dtype, quantization, device, seed), None, "random")
    from transformers import AutoModelForCausalLM

    source = backbone_source(name)
    placement: dict[str, Any] = {"device_map": str(device)}
    if offload_folder is not None and quantization == "none":
        placement = {"device_map": "auto", "offload_folder": str(offload_folder), "max_memory": max_memory}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, quantization_config=quantization_config(quantization, dtype), **placement
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


def _random_model(
    architecture: str, dtype: torch.dtype, quantization: str, device: torch.device, seed: int
) -> nn.Module:
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    with device:
        model: nn.Module = AutoModelForCausalLM.from_config(architecture_config(architecture), dtype=dtype)
    quantize_in_place(model, quantization, dtype, device)
    keep_training_layout(model)
    return model.eval()
