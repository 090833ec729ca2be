from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.quantize import (
    QUANTIZATIONS,
    quantization_config,
    quantization_state,
    quantize_in_place,
)

CPU = torch.device("cpu")
QUANTIZED = [name for name in QUANTIZATIONS if name != "none"]
LAYER_CLASS = {"nf4": bnb.nn.Linear4bit, "nf4-dq": bnb.nn.Linear4bit, "int8": bnb.nn.Linear8bitLt}


class OneLayer(nn.Module):
    """The smallest model with a layer to quantise and a head."""

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(in_features, out_features, bias=bias)
        self.head = nn.Linear(out_features, 2)

    def get_output_embeddings(self) -> nn.Module:
        return self.head


def quantized_layer(quantization: str, in_features: int, out_features: int, bias: bool = False) -> OneLayer:
    torch.manual_seed(0)
    model = OneLayer(in_features, out_features, bias)
    quantize_in_place(model, quantization, torch.float32, CPU)
    return model


def random_model(architecture: str = "tiny-llama") -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(architecture_config(architecture), dtype=torch.float32).eval()


def quantized_weights(model: nn.Module) -> dict[str, Tensor]:
    """The stored weights of all quantised layers."""
    layers = (bnb.nn.Linear4bit, bnb.nn.Linear8bitLt)
    return {name: layer.weight.data for name, layer in model.named_modules() if isinstance(layer, layers)}


# ---------------------------------------------------------------- layers


@pytest.mark.parametrize("quantization", QUANTIZED)
def test_every_linear_layer_but_the_head_is_replaced(quantization: str) -> None:
    model = random_model()
    linear_layers = {name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    quantize_in_place(model, quantization, torch.float32, CPU)
    replaced = {name for name, layer in model.named_modules() if isinstance(layer, LAYER_CLASS[quantization])}
    assert replaced == linear_layers - {"lm_head"}
    assert type(model.lm_head) is nn.Linear


@pytest.mark.parametrize("architecture", ["tiny-llama", "tiny-qwen2", "tiny-gpt2"])
@pytest.mark.parametrize("quantization", QUANTIZED)
def test_a_model_in_memory_is_quantised_as_from_pretrained_does(
    architecture: str, quantization: str, tmp_path: Path
) -> None:
    """Bit for bit, and also where the layers are GPT-2's, which keep their weights transposed."""
    model = random_model(architecture)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(
        tmp_path, dtype=torch.float32, quantization_config=quantization_config(quantization, torch.float32)
    )
    quantize_in_place(model, quantization, torch.float32, CPU)
    expected, weights = quantized_weights(loaded), quantized_weights(model)
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())
    assert all(map(torch.equal, quantization_state(model), quantization_state(loaded)))


def test_the_threshold_of_int8_outliers_is_that_of_transformers() -> None:
    layer: Any = quantized_layer("int8", 64, 32).layer
    assert layer.state.threshold == quantization_config("int8", torch.float32).llm_int8_threshold


@pytest.mark.parametrize(("quantization", "tolerance"), [("nf4", 0.2), ("nf4-dq", 0.2), ("int8", 0.03)])
def test_the_output_stays_close(quantization: str, tolerance: float) -> None:
    """A rounding error of one weight in ten or so for 4 bits, in a hundred for 8, and no more of the logits."""
    model, tokens = random_model(), torch.arange(64).view(2, 32)
    with torch.no_grad():
        exact = model(tokens).logits
        quantize_in_place(model, quantization, torch.float32, CPU)
        error = (model(tokens).logits - exact).norm() / exact.norm()
    assert 0 < error < tolerance


@pytest.mark.parametrize("quantization", QUANTIZED)
def test_a_bias_is_kept(quantization: str) -> None:
    torch.manual_seed(0)
    bias = OneLayer(64, 32, bias=True).layer.bias.detach()
    assert torch.equal(quantized_layer(quantization, 64, 32, bias=True).layer.bias, bias)


@pytest.mark.parametrize("quantization", QUANTIZED)
def test_quantised_weights_are_frozen(quantization: str) -> None:
    layer = quantized_layer(quantization, 64, 32, bias=True).layer
    assert not any(parameter.requires_grad for parameter in layer.parameters())


@pytest.mark.parametrize("quantization", QUANTIZED)
def test_the_model_tells_peft_what_it_is(quantization: str) -> None:
    model: Any = quantized_layer(quantization, 64, 32)
    assert (model.is_loaded_in_4bit, model.is_loaded_in_8bit) == (quantization != "int8", quantization == "int8")


def test_no_quantisation_changes_nothing() -> None:
    model = quantized_layer("none", 64, 32)
    assert type(model.layer) is nn.Linear
    assert list(quantization_state(model)) == []
    assert quantization_config("none", torch.float32) is None


# ---------------------------------------------------------------- bytes


def weight_bytes(model: OneLayer) -> int:
    return model.layer.weight.nbytes


def state_bytes(model: OneLayer) -> int:
    return sum(tensor.nbytes for tensor in quantization_state(model))


IN, OUT = 256, 512
BLOCKS = IN * OUT // 64
NF4_TABLE = 16 * 4
BYTES_BY_HAND: dict[str, Callable[[], tuple[int, int]]] = {
    # half a byte per weight; an fp32 constant per block of 64 weights
    "nf4": lambda: (IN * OUT // 2, BLOCKS * 4 + NF4_TABLE),
    # those constants in a byte each; an fp32 constant per 256 of them, their fp32 mean, a table of 256 fp32 values
    "nf4-dq": lambda: (IN * OUT // 2, BLOCKS + BLOCKS // 256 * 4 + 4 + 256 * 4 + NF4_TABLE),
    # a byte per weight; an fp32 constant per row
    "int8": lambda: (IN * OUT, OUT * 4),
}


@pytest.mark.parametrize("quantization", QUANTIZED)
def test_weight_and_quantization_state_have_the_bytes_computed_by_hand(quantization: str) -> None:
    model = quantized_layer(quantization, IN, OUT)
    assert (weight_bytes(model), state_bytes(model)) == BYTES_BY_HAND[quantization]()


def test_double_quantisation_is_smaller_than_single_for_layers_of_real_size() -> None:
    assert state_bytes(quantized_layer("nf4-dq", 1024, 1024)) < 0.35 * state_bytes(quantized_layer("nf4", 1024, 1024))


def test_the_quantization_state_of_int8_is_still_there_after_the_first_call() -> None:
    """bitsandbytes moves the constants from the weight to the layer then."""
    model = quantized_layer("int8", IN, OUT)
    before = state_bytes(model)
    model.layer(torch.randn(2, IN))
    assert state_bytes(model) == before
