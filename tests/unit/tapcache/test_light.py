"""What is loaded of a backbone whose taps are cached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers.core_model_loading as core_model_loading
from transformers import AutoModelForCausalLM

from ladderscope.backbones.names import BackboneName
from ladderscope.tapcache import light
from ladderscope.tapcache.light import load_without_blocks

ARCHITECTURES = ("llama", "gpt2", "gemma2")
CPU = torch.device("cpu")


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of every tensor that transformers reads from a checkpoint."""
    read: list[int] = []
    original = core_model_loading._materialize_copy

    def spy(*args: Any, **kwargs: Any) -> torch.Tensor:
        tensor: torch.Tensor = original(*args, **kwargs)
        read.append(tensor.nbytes)
        return tensor

    monkeypatch.setattr(core_model_loading, "_materialize_copy", spy)
    return read


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nothing_of_the_blocks_is_read_and_the_rest_is_as_it_was(
    architecture: str, tied: bool, make_folder: Callable[..., Path], bytes_read: list[int]
) -> None:
    folder = make_folder(architecture, tie_word_embeddings=tied)
    model = load_without_blocks(BackboneName("folder", str(folder)), torch.float32, "none", CPU)
    there = sum(parameter.nbytes for parameter in model.parameters() if not parameter.is_meta)
    assert sum(bytes_read) == there
    whole = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    in_blocks = sum(parameter.nbytes for block in _blocks(whole) for parameter in block.parameters())
    assert there == sum(parameter.nbytes for parameter in whole.parameters()) - in_blocks
    assert (model.lm_head.weight is model.get_input_embeddings().weight) is tied
    for name, parameter in whole.named_parameters():
        ours = model.get_parameter(name)
        assert ours.shape == parameter.shape
        assert ours.is_meta or torch.equal(ours, parameter)
    for name, buffer in whole.named_buffers():
        assert model.get_buffer(name).is_meta or torch.equal(model.get_buffer(name), buffer)
    assert model.config.to_dict() == whole.config.to_dict()


def test_a_class_that_cannot_be_made_without_blocks_is_loaded_whole(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise IndexError("no first block")

    monkeypatch.setattr(light, "_without_blocks", refuse)
    model = load_without_blocks(BackboneName("folder", str(make_folder())), torch.float32, "none", CPU)
    assert not any(parameter.is_meta for parameter in model.parameters())


def _blocks(model: Any) -> Any:
    decoder = model.get_decoder()
    return decoder.h if hasattr(decoder, "h") else decoder.layers
