"""One place that calls ``get_peft_model``."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from ladderscope.methods._peft_start import quick_start

_ABSENT = object()


def attach(model: nn.Module, config: Any, dtype: str = "fp32") -> nn.Module:
    """The backbone wrapped by PEFT with ``config``, for causal language modelling.

    Args:
        model: the backbone.
        config: of PEFT.
        dtype: of what is trained, ``fp32`` or ``bf16``. PEFT turns half precision to fp32 unless told not to, and
            starts LoRA on quantised layers in fp32 either way, so that what is left is cast here.
    """
    from peft import TaskType, get_peft_model

    config.task_type = TaskType.CAUSAL_LM
    in_fp32 = dtype == "fp32"
    if not in_fp32 and getattr(config, "side_dtype", _ABSENT) is None:
        config.side_dtype = "bfloat16"
    with warnings.catch_warnings(), quick_start(model, _tuner(config)):
        # PEFT still reads a property that transformers 5.23 renamed.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        tuned: nn.Module = get_peft_model(model, config, autocast_adapter_dtype=in_fp32)
    if not in_fp32:
        for parameter in tuned.parameters():
            if parameter.requires_grad and parameter.is_floating_point():
                parameter.data = parameter.data.to(torch.bfloat16)
    return tuned


def _tuner(config: Any) -> str:
    # Of tuners that others register, ours among them, it is no member of PEFT's enumeration.
    return str(getattr(config.peft_type, "value", config.peft_type)).lower()
