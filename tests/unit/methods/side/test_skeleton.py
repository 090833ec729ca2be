"""Side networks without values are the same, but for values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from ladderscope.memory.predict import predict_memory
from ladderscope.methods.side import LadderConfig
from ladderscope.methods.side.calibration import needs_calibration
from ladderscope.methods.side.skeleton import without_values


def _tuned(init: Any) -> torch.nn.Module:
    backbone = LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4)
    ).to("cuda")
    tuned: torch.nn.Module = get_peft_model(
        backbone, LadderConfig(reduction_factor=4, init=init, task_type="CAUSAL_LM")
    )
    return tuned


@pytest.mark.parametrize("init", ["default", "pruned", "sliced"])
def test_parts_and_memory_are_those_of_one_with_values(init: str) -> None:
    with predict_memory("rtx-3060-12gb") as with_values:
        plain = {
            name: (tensor.shape, tensor.dtype, tensor.device) for name, tensor in _tuned(init).state_dict().items()
        }
    with predict_memory("rtx-3060-12gb") as without, without_values():
        bare = {
            name: (tensor.shape, tensor.dtype, tensor.device) for name, tensor in _tuned(init).state_dict().items()
        }
    assert bare == plain
    assert all(device.type == "cuda" for _, _, device in bare.values())
    assert without.peak_allocated_bytes == with_values.peak_allocated_bytes


def test_it_still_asks_for_data() -> None:
    with predict_memory("rtx-3060-12gb"), without_values():
        assert needs_calibration(_tuned("default"))
