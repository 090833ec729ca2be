"""Generation with a tuned model: how long it is, and how it is followed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ladderscope.backbones.loading import random_backbone
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.methods import get_method
from ladderscope.records import Cell
from ladderscope.training.generation import generate

CPU = torch.device("cpu")


def tuned(method: str) -> Any:
    cell = Cell(model="random:tiny-llama", method=method, reduction_factor=4 if method == "ladder" else None)
    backbone = random_backbone(backbone_config(resolve_name(cell.model)), torch.float32, "none", CPU, seed=0)
    return get_method(method).build(backbone.model, cell)


@pytest.mark.parametrize("method", ["full", "ladder"])
def test_it_takes_the_likeliest_token_each_time_as_whole_passes_do(method: str) -> None:
    model = tuned(method)
    prompt = torch.tensor([[5, 7, 11, 13], [3, 1, 4, 1]])
    tokens = generate(model, prompt, 4)
    assert not model.training
    assert torch.equal(tokens[:, :4], prompt)
    with torch.no_grad():
        logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    assert torch.equal(logits[:, 3:].argmax(-1), tokens[:, 4:])


def test_no_end_of_text_ends_it() -> None:
    model = tuned("full")
    prompt = torch.tensor([[5, 7, 11, 13]])
    model.generation_config.eos_token_id = int(generate(model, prompt, 1)[0, -1])
    assert generate(model, prompt, 5).shape == (1, 9)


def test_it_says_how_far_it_is_and_leaves_no_hook_behind() -> None:
    model, done = tuned("full"), list[int]()
    generate(model, torch.tensor([[5, 7]]), 3, done.append)
    assert done == [1, 2, 3]
    generate(model, torch.tensor([[5, 7]]), 2)
    assert done == [1, 2, 3]
