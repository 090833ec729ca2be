"""Tiny random models of many architectures, and what the tests of side networks do with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.methods.side import LadderConfig

SHAPE = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 512}
TOKENS = {"max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GROUPED_HEADS = ("llama", "qwen2", "qwen3", "mistral", "gemma2")

Backbone = Callable[..., Any]
Tuned = Callable[..., Any]


def make_backbone(model_type: str = "llama", auto_class: Any = AutoModelForCausalLM, **settings: Any) -> Any:
    sizes: dict[str, Any] = {**SHAPE, **TOKENS}
    if model_type in GROUPED_HEADS:
        sizes["num_key_value_heads"] = 2
    if model_type in ("qwen3", "gemma2"):
        sizes["head_dim"] = 16
    if model_type == "gemma2":
        sizes["sliding_window"] = 8  # shorter than what the tests read
    sizes |= {"opt": {"ffn_dim": 128, "word_embed_proj_dim": 64}, "gpt2": {}}.get(
        model_type, {"intermediate_size": 128}
    )
    torch.manual_seed(0)
    return auto_class.from_config(AutoConfig.for_model(model_type, **{**sizes, **settings})).eval()


@pytest.fixture
def backbone() -> Backbone:
    """Makes a four-block model of 64 channels, in inference mode, the same at every call."""
    return make_backbone


@pytest.fixture
def tuned() -> Tuned:
    """Puts a side network of half the width beside it, the same at every call."""

    def make(make_config: Any = LadderConfig, model_type: str = "llama", **settings: Any) -> Any:
        torch.manual_seed(1)
        config = make_config(**{"reduction_factor": 2, "task_type": "CAUSAL_LM", **settings})
        return get_peft_model(make_backbone(model_type), config)

    return make


@pytest.fixture
def train() -> Callable[..., list[float]]:
    """Trains on one batch and gives the losses."""

    def run(model: Any, ids: Tensor, steps: int = 10, lr: float = 1e-2) -> list[float]:
        model.train()
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)
        losses = []
        for _ in range(steps):
            loss = model(input_ids=ids, labels=ids).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        model.eval()  # GPT-2's and OPT's side blocks have the dropout of their architecture
        return losses

    return run


@pytest.fixture
def logits() -> Callable[..., Tensor]:
    """The logits of a model, without gradient and cache."""

    @torch.no_grad()
    def run(model: Any, ids: Tensor, **inputs: Any) -> Tensor:
        out: Tensor = model(input_ids=ids, use_cache=False, **inputs).logits
        return out

    return run
