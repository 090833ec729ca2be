"""What every side network must hold, over the methods and the architectures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

CONFIGS: list[Any] = [LSTConfig, QSTConfig, LadderConfig, XLadderConfig]
ARCHITECTURES = ["llama", "qwen2", "qwen3", "mistral", "gemma2", "phi3", "gpt2", "opt", "gpt_neox"]
PAIRS = [(make_config, model_type) for model_type in ARCHITECTURES for make_config in CONFIGS]


def sample() -> list[Any]:
    """Every method on Llama, Ladder and one other method on all else; `make test-slow` runs the rest."""
    others = [config for config in CONFIGS if config is not LadderConfig]
    second = {model_type: others[index % len(others)] for index, model_type in enumerate(ARCHITECTURES)}
    return [
        pytest.param(
            make_config,
            model_type,
            marks=[]
            if model_type == "llama" or make_config in (LadderConfig, second[model_type])
            else pytest.mark.slow,
        )
        for make_config, model_type in PAIRS
    ]


LEARNING_RATES = {QSTConfig: 3e-2, LSTConfig: 1e-2}
"""QST's alpha starts at one and nothing else learns before it moves."""


@pytest.fixture
def trained(tuned: Callable[..., Any], train: Callable[..., list[float]], token_ids: Tensor) -> Callable[..., Any]:
    def make(make_config: Any, model_type: str, steps: int = 3) -> Any:
        model = tuned(make_config, model_type)
        train(model, token_ids, steps, lr=LEARNING_RATES.get(make_config, 1e-2))
        return model

    return make


@pytest.mark.parametrize(("make_config", "model_type"), PAIRS)
class TestEveryPair:
    def test_starts_as_the_backbone_bit_for_bit_but_for_lst(
        self,
        make_config: Any,
        model_type: str,
        backbone: Callable[..., Any],
        tuned: Callable[..., Any],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
    ) -> None:
        expected = logits(backbone(model_type), token_ids)
        model = tuned(make_config, model_type)
        claimed = make_config is not LSTConfig
        assert torch.equal(logits(model, token_ids), expected) == claimed
        assert torch.equal(logits(model.train(), token_ids), expected) == claimed


@pytest.mark.parametrize(("make_config", "model_type"), sample())
class TestEveryArchitecture:
    def test_learns_and_can_be_switched_off(
        self,
        make_config: Any,
        model_type: str,
        backbone: Callable[..., Any],
        tuned: Callable[..., Any],
        train: Callable[..., list[float]],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
    ) -> None:
        model = tuned(make_config, model_type)
        losses = train(model, token_ids, steps=10, lr=LEARNING_RATES.get(make_config, 1e-2))
        assert losses[-1] < losses[0] - 0.05
        with model.disable_adapter():
            assert torch.equal(logits(model, token_ids), logits(backbone(model_type), token_ids))

    def test_every_side_parameter_and_nothing_else_gets_a_gradient(
        self, make_config: Any, model_type: str, trained: Callable[..., Any], token_ids: Tensor
    ) -> None:
        model = trained(make_config, model_type, steps=2).train()  # the first step moves the way out only
        model(input_ids=token_ids, labels=token_ids).loss.backward()
        for name, parameter in model.named_parameters():
            assert (parameter.grad is not None) == (".side_network." in name), name

    def test_saves_and_loads_bit_for_bit_under_another_name(
        self,
        make_config: Any,
        model_type: str,
        trained: Callable[..., Any],
        backbone: Callable[..., Any],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
        tmp_path: Path,
    ) -> None:
        model = trained(make_config, model_type)
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(model_type), tmp_path, adapter_name="other")
        assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))

    def test_a_token_sees_only_what_is_before_it(
        self,
        make_config: Any,
        model_type: str,
        trained: Callable[..., Any],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
    ) -> None:
        model = trained(make_config, model_type)
        changed = token_ids.clone()
        changed[:, 8:] = 7
        torch.testing.assert_close(logits(model, changed)[:, :8], logits(model, token_ids)[:, :8])

    def test_generates_with_a_cache_what_it_generates_without(
        self, make_config: Any, model_type: str, trained: Callable[..., Any], token_ids: Tensor
    ) -> None:
        model = trained(make_config, model_type)
        settings = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
        with_cache = model.generate(input_ids=token_ids, **settings)
        assert torch.equal(with_cache, model.generate(input_ids=token_ids, use_cache=False, **settings))

    def test_padding_on_the_left_changes_nothing(
        self,
        make_config: Any,
        model_type: str,
        trained: Callable[..., Any],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
    ) -> None:
        model = trained(make_config, model_type)
        padding = torch.zeros(2, 5, dtype=torch.long)
        mask = torch.cat([padding, torch.ones_like(token_ids)], dim=1)
        positions = {} if model_type == "opt" else {"position_ids": (mask.cumsum(1) - 1).clamp_min(0)}
        padded = logits(model, torch.cat([padding, token_ids], dim=1), attention_mask=mask, **positions)
        torch.testing.assert_close(padded[:, 5:], logits(model, token_ids), rtol=1e-4, atol=1e-4)

    def test_two_adapters_do_not_mix(
        self,
        make_config: Any,
        model_type: str,
        trained: Callable[..., Any],
        train: Callable[..., list[float]],
        logits: Callable[..., Tensor],
        token_ids: Tensor,
    ) -> None:
        model = trained(make_config, model_type)
        first = logits(model, token_ids)
        model.add_adapter("second", make_config(reduction_factor=2, task_type="CAUSAL_LM"))
        assert torch.equal(logits(model, token_ids), first)
        model.set_adapter("second")
        train(model, token_ids, steps=2)
        second = logits(model, token_ids)
        model.set_adapter("default")
        assert torch.equal(logits(model, token_ids), first)
        model.delete_adapter("default")
        assert torch.equal(logits(model, token_ids), second)
