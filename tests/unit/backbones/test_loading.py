from __future__ import annotations

from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from transformers import PreTrainedTokenizerFast

from ladderscope.backbones.loading import Backbone, load_backbone
from ladderscope.backbones.names import resolve_name
from ladderscope.errors import UsageError

CPU = torch.device("cpu")
TINY = "random:tiny-llama"


def load(name: str, dtype: torch.dtype = torch.float32, quantization: str = "none", seed: int = 0) -> Backbone:
    return load_backbone(resolve_name(name), dtype, quantization, CPU, seed)


def same_weights(first: Any, second: Any) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model with its tokenizer, as save_pretrained writes them."""
    model: Any = load(TINY, seed=5).model
    model.save_pretrained(tmp_path)
    backend = Tokenizer(WordLevel({"<eos>": 0, "a": 1, "rung": 2}, unk_token="<eos>"))
    backend.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>").save_pretrained(tmp_path)
    return tmp_path


# ---------------------------------------------------------------- random weights


def test_random_weights_have_no_tokenizer_and_say_what_they_are() -> None:
    backbone = load(TINY)
    assert backbone.weights == "random"
    assert backbone.tokenizer is None


def test_the_seed_decides_random_weights() -> None:
    assert same_weights(load(TINY, seed=1).model, load(TINY, seed=1).model)
    assert not same_weights(load(TINY, seed=1).model, load(TINY, seed=2).model)


def test_quantised_random_weights_are_those_of_the_seed_rounded() -> None:
    exact, quantized = load(TINY).model, load(TINY, quantization="int8").model
    assert torch.equal(quantized.get_parameter("lm_head.weight"), exact.get_parameter("lm_head.weight"))
    layer: Any = quantized.get_submodule("model.layers.0.mlp.up_proj")
    rounded = layer.weight.data * layer.weight.SCB[:, None] / 127
    torch.testing.assert_close(rounded, exact.get_parameter("model.layers.0.mlp.up_proj.weight"), rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_weights_have_the_asked_for_type(dtype: torch.dtype) -> None:
    assert {parameter.dtype for parameter in load(TINY, dtype).model.parameters()} == {dtype}


def test_the_model_comes_ready_for_inference() -> None:
    assert not load(TINY).model.training


# ---------------------------------------------------------------- a folder


def test_a_folder_gives_the_saved_weights_and_its_tokenizer(folder: Path) -> None:
    backbone = load(str(folder))
    assert backbone.weights == "pretrained"
    assert same_weights(backbone.model, load(TINY, seed=5).model)
    assert backbone.tokenizer("a rung")["input_ids"] == [1, 2]


def test_the_seed_does_not_matter_for_pretrained_weights(folder: Path) -> None:
    assert same_weights(load(str(folder), seed=1).model, load(str(folder), seed=2).model)


def test_a_folder_is_read_in_the_asked_for_type(folder: Path) -> None:
    model = load(str(folder), torch.bfloat16).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("quantization", "layer_class"),
    [("nf4", bnb.nn.Linear4bit), ("nf4-dq", bnb.nn.Linear4bit), ("int8", bnb.nn.Linear8bitLt)],
)
def test_a_folder_is_quantised_but_for_the_head(folder: Path, quantization: str, layer_class: type) -> None:
    model = load(str(folder), quantization=quantization).model
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert [type(layer) for layer in layers] == [layer_class] * 28 + [nn.Linear]


@pytest.mark.parametrize("quantization", ["nf4", "nf4-dq"])
def test_inference_in_bf16_does_not_repack_pretrained_weights(folder: Path, quantization: str) -> None:
    model = load(str(folder), torch.bfloat16, quantization).model.eval()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with torch.no_grad():
        model(torch.arange(16).view(1, 16))
    assert all(map(torch.equal, model.parameters(), before))


# ---------------------------------------------------------------- what cannot be loaded


def message(name: Path) -> str:
    with pytest.raises(UsageError) as error:
        load(str(name))
    return str(error.value)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert message(folder).startswith(f"cannot load the model {folder}: ")
    assert "model.safetensors" in message(folder)


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()
    assert message(folder).startswith(f"cannot load the model {folder}: ")
    assert "tokenizer" in message(folder)


def test_weights_that_are_cut_short_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert message(folder).startswith(f"cannot load the model {folder}: ")
