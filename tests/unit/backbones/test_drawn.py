"""Random weights that are drawn on the device itself, here a CPU, and once a simulated GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ladderscope.backbones.drawn import draw_model
from ladderscope.backbones.loading import random_backbone
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.memory.predict import predict_memory

CPU = torch.device("cpu")
ARCHITECTURES = ("tiny-llama", "tiny-qwen2", "tiny-gpt2")


def config_of(architecture: str) -> Any:
    return backbone_config(resolve_name(f"random:{architecture}"))


def draw(architecture: str, quantization: str = "none", seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return draw_model(config_of(architecture), torch.bfloat16, quantization, CPU).eval()


@pytest.mark.parametrize("quantization", ["none", "nf4-dq"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_is_the_model_that_the_host_would_make_but_for_the_numbers_drawn(
    architecture: str, quantization: str
) -> None:
    ours = draw(architecture, quantization)
    theirs: Any = random_backbone(config_of(architecture), torch.bfloat16, quantization, CPU, seed=1).model
    assert [(name, p.shape, p.dtype) for name, p in ours.named_parameters()] == [
        (name, p.shape, p.dtype) for name, p in theirs.named_parameters()
    ]
    buffers = dict(theirs.named_buffers())
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in ours.named_buffers())
    tokens = torch.randint(100, (2, 16))
    spread, expected = ours(tokens).logits.float().std(), theirs(tokens).logits.float().std()
    assert 0.8 < spread / expected < 1.25


def test_the_generator_decides_the_weights() -> None:
    first, again, other = draw("tiny-llama"), draw("tiny-llama"), draw("tiny-llama", seed=1)
    name = "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(first.get_parameter(name), again.get_parameter(name))
    assert not torch.equal(first.get_parameter(name), other.get_parameter(name))


def test_tied_weights_stay_tied() -> None:
    assert config_of("tiny-gpt2").tie_word_embeddings
    model = draw("tiny-gpt2")
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("host", [None, torch.device("meta")])
@pytest.mark.parametrize(("quantization", "dtype"), [("nf4-dq", torch.uint8), ("int8", torch.int8)])
def test_the_gpu_never_holds_more_than_one_layer_unquantised(
    quantization: str, dtype: torch.dtype, host: torch.device | None
) -> None:
    """Neither where weights are drawn on it, nor where a prediction moves them there."""
    cuda, config = torch.device("cuda"), config_of("tiny-llama")
    with predict_memory("t4-16gb") as trace:
        model: Any = random_backbone(config, torch.bfloat16, quantization, cuda, seed=0, host=host).model
        assert model.model.layers[0].mlp.up_proj.weight.dtype == dtype
        peak, held = torch.cuda.max_memory_allocated(), torch.cuda.memory_allocated()
    largest = max(layer.in_features * layer.out_features for layer in model.modules() if isinstance(layer, nn.Linear))
    assert trace.first_oom is None
    assert peak - held <= 2 * 2 * largest + 2048
