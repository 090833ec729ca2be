"""One place that calls ``get_peft_model``."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn

from ladderscope.methods._peft_start import quick_start


def attach(model: nn.Module, config: Any) -> nn.Module:
    """The backbone wrapped by PEFT with ``config``, for causal language modelling."""
    from peft import TaskType, get_peft_model

    config.task_type = TaskType.CAUSAL_LM
    with warnings.catch_warnings(), quick_start(model, _tuner(config)):
        # PEFT still reads a property that transformers 5.23 renamed.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        tuned: nn.Module = get_peft_model(model, config)
    return tuned


def _tuner(config: Any) -> str:
    # Of tuners that others register, ours among them, it is no member of PEFT's enumeration.
    return str(getattr(config.peft_type, "value", config.peft_type)).lower()
