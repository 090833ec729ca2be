from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.tapcache.placement import place_blocks

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


@pytest.fixture
def skeleton() -> Any:
    """Four blocks; 128 KiB of embeddings and as much of head."""
    shape = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 512}
    config = AutoConfig.for_model("llama", **shape, intermediate_size=128, tie_word_embeddings=False)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def sizes(model: Any) -> tuple[int, int]:
    block = sum(parameter.nbytes for parameter in model.model.layers[0].parameters())
    return block, sum(parameter.nbytes for parameter in model.parameters()) - 4 * block


def test_a_model_that_fits_is_not_spread(skeleton: Any) -> None:
    assert place_blocks(skeleton, CPU) is None
    assert place_blocks(skeleton, CPU, {"cpu": "1GB"}) is None


def test_what_does_not_fit_on_the_device_goes_to_the_host_and_then_to_the_disk(skeleton: Any) -> None:
    block, outside = sizes(skeleton)
    outside += 1024  # positions
    places = place_blocks(skeleton, GPU, {0: outside + 3 * block, "cpu": 2 * block})
    assert places == {
        "lm_head": "cuda:0",
        "model.embed_tokens": "cuda:0",
        "model.norm": "cuda:0",
        "model.rotary_emb": "cuda:0",
        "model.layers.0": "cuda:0",
        "model.layers.1": "cpu",
        "model.layers.2": "cpu",
        "model.layers.3": "disk",
    }


def test_what_training_needs_stays_on_the_device_however_small(skeleton: Any) -> None:
    places = place_blocks(skeleton, CPU, {"cpu": 1})
    assert places is not None
    assert {name for name, place in places.items() if place == "disk"} == {f"model.layers.{i}" for i in range(4)}
