"""LoRA adapters of a model to mix: xlora has nothing to start from without their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ladderscope.backbones.names import backbone_config, resolve_name

COUNT = 2


def mixture(model: str, folder: Path) -> dict[str, Any]:
    """Fields of an xlora config that mixes ``COUNT`` LoRA adapters of ``model``, which are saved below ``folder``.

    The adapters are PEFT's default LoRA with zeros for weights: only shapes count.
    """
    paths = [folder / str(index) for index in range(COUNT)]
    for path in paths:
        _save(model, path)
    hidden_size = backbone_config(resolve_name(model)).hidden_size
    return {"adapters": {str(index): str(path) for index, path in enumerate(paths)}, "hidden_size": hidden_size}


def _save(model: str, path: Path) -> None:
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        backbone = AutoModelForCausalLM.from_config(backbone_config(resolve_name(model)), dtype=torch.bfloat16)
    config = LoraConfig(task_type="CAUSAL_LM")
    tensors = get_peft_model_state_dict(get_peft_model(backbone, config, low_cpu_mem_usage=True))
    path.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(str(path))
    zeros = {name: torch.zeros(tensor.shape) for name, tensor in tensors.items()}
    save_file(zeros, path / "adapter_model.safetensors")
