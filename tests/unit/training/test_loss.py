from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, Gemma2Config, GraniteConfig, OPTConfig

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.methods import get_method
from ladderscope.records import Cell
from ladderscope.training.batches import IGNORED, Batch
from ladderscope.training.loss import CHUNK_TOKENS, LOSS_FUNCTIONS, chunked_loss, full_loss

CELL = Cell(model="random:tiny-llama", method="full", rank=4, reduction_factor=4, dtype="fp32")
SHAPE: dict[str, Any] = {
    "vocab_size": 512,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 256,
}
CONFIGS = {
    "llama": lambda: architecture_config("tiny-llama"),
    "gpt2": lambda: architecture_config("tiny-gpt2"),
    # A cap far below the size of the logits, so that leaving it out would show.
    "gemma-2": lambda: Gemma2Config(
        **SHAPE, intermediate_size=64, num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.1
    ),
    "granite": lambda: GraniteConfig(**SHAPE, intermediate_size=64, num_key_value_heads=1, logits_scaling=8.0),
    "opt": lambda: OPTConfig(**SHAPE, ffn_dim=64, word_embed_proj_dim=16, dropout=0.0),
}


def make_model(architecture: str, method: str) -> Any:
    """A model in fp32 whose adapters and side networks are past their start, where they add nothing."""
    torch.manual_seed(0)
    model = get_method(method).build(AutoModelForCausalLM.from_config(CONFIGS[architecture]()), CELL)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    return model.train()


@functools.cache
def batch() -> Batch:
    """Two rows of 200 tokens, which is more than a chunk, with tokens here and there that have no loss."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(512, (2, 200), generator=generator)
    labels = ids.masked_fill(torch.rand(2, 200, generator=generator) < 0.3, IGNORED)
    assert ids.numel() > CHUNK_TOKENS
    return Batch(ids, labels)


def loss_and_gradients(model: Any, loss_impl: str) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad(set_to_none=True)
    loss = LOSS_FUNCTIONS[loss_impl](model, batch())
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("architecture", "method"),
    [
        ("llama", "full"),
        ("llama", "lora"),
        ("llama", "ladder"),
        ("llama", "xladder"),
        ("gpt2", "full"),
        ("gpt2", "ladder"),
        ("gemma-2", "full"),
        ("gemma-2", "lora"),
        ("gemma-2", "ladder"),
        ("granite", "full"),
        ("opt", "full"),
    ],
)
def test_the_loss_in_chunks_is_the_full_loss(architecture: str, method: str) -> None:
    model = make_model(architecture, method)
    full, full_gradients = loss_and_gradients(model, "full")
    chunked, chunked_gradients = loss_and_gradients(model, "chunked")
    torch.testing.assert_close(chunked, full, rtol=1e-5, atol=0)
    assert chunked_gradients.keys() == full_gradients.keys() == trained_names(model)
    for name, gradient in full_gradients.items():
        difference = torch.linalg.vector_norm(chunked_gradients[name] - gradient)
        assert difference <= 1e-5 * torch.linalg.vector_norm(gradient) + 1e-5, name


def trained_names(model: Any) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("loss", LOSS_FUNCTIONS.values(), ids=LOSS_FUNCTIONS)
def test_the_loss_is_the_sum_over_the_trained_tokens(loss: Any) -> None:
    model = make_model("llama", "full")
    mean = model(input_ids=batch().input_ids, labels=batch().labels).loss
    torch.testing.assert_close(loss(model, batch()), mean * batch().num_trained_tokens)


def test_random_weights_guess() -> None:
    """A check against a number that no code here computes: ln(512) per token."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(architecture_config("tiny-llama"))
    per_token = full_loss(model, batch()).item() / batch().num_trained_tokens
    assert per_token == pytest.approx(6.238, abs=0.1)


def test_the_loss_in_chunks_runs_without_gradients() -> None:
    model = make_model("llama", "lora")
    with torch.no_grad():
        torch.testing.assert_close(chunked_loss(model, batch()), full_loss(model, batch()))
