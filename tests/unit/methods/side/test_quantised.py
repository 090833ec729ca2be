"""Side networks beside backbones in half precision, 8 bits and 4 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model, prepare_model_for_kbit_training
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

PAIRS: list[Any] = [
    *((LadderConfig, quantization) for quantization in ("none", "nf4", "nf4-dq", "int8")),
    *((make_config, "nf4") for make_config in (LSTConfig, QSTConfig, XLadderConfig)),
    *((make_config, "int8") for make_config in (LSTConfig, QSTConfig)),
]
LEARNING_RATES = {QSTConfig: 5e-2}

MakeModel = Callable[..., Any]


@pytest.mark.parametrize(("make_config", "quantization"), PAIRS)
def test_starts_as_the_backbone_learns_and_comes_back_from_a_file(
    make_config: Any,
    quantization: str,
    tiny_model: MakeModel,
    train: Callable[..., list[float]],
    logits: Callable[..., Tensor],
    token_ids: Tensor,
    tmp_path: Path,
) -> None:
    def backbone() -> Any:
        return tiny_model(quantization=quantization, dtype=torch.bfloat16)

    expected = logits(backbone(), token_ids)
    torch.manual_seed(1)
    model = get_peft_model(backbone(), make_config(reduction_factor=2, task_type="CAUSAL_LM"))
    assert torch.equal(logits(model, token_ids), expected) == (make_config is not LSTConfig)
    losses = train(model, token_ids, steps=6, lr=LEARNING_RATES.get(make_config, 1e-2))
    assert losses[-1] < losses[0] - 0.02
    model.save_pretrained(tmp_path)
    for settings in ({}, {"low_cpu_mem_usage": True}):
        loaded = PeftModel.from_pretrained(backbone(), tmp_path, **settings)
        assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_after_prepare_model_for_kbit_training(
    quantization: str, tiny_model: MakeModel, train: Callable[..., list[float]], token_ids: Tensor
) -> None:
    prepared = prepare_model_for_kbit_training(tiny_model(quantization=quantization, dtype=torch.bfloat16))
    model = get_peft_model(prepared, LadderConfig(reduction_factor=2, task_type="CAUSAL_LM"))
    losses = train(model, token_ids, steps=6)
    assert losses[-1] < losses[0] - 0.05


@pytest.mark.parametrize(("side_dtype", "expected"), [(None, torch.float32), ("bfloat16", torch.bfloat16)])
def test_what_is_trained_is_in_fp32_unless_asked_otherwise(
    side_dtype: Any, expected: torch.dtype, tiny_model: MakeModel
) -> None:
    model = get_peft_model(tiny_model(dtype=torch.bfloat16), LadderConfig(reduction_factor=2, side_dtype=side_dtype))
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {expected}


def test_rotary_frequencies_stay_in_full_precision_beside_a_bf16_backbone(tiny_model: MakeModel) -> None:
    model = get_peft_model(tiny_model(dtype=torch.bfloat16), LadderConfig(reduction_factor=2))
    frequencies = [buffer for name, buffer in model.named_buffers() if "inv_freq" in name]
    assert len(frequencies) >= 2
    assert {buffer.dtype for buffer in frequencies} == {torch.float32}
