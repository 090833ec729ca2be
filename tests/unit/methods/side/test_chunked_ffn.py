"""``backbone_chunk_tokens``: the frozen feed-forwards a piece of the sequence at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from ladderscope.methods.side import LadderConfig
from ladderscope.methods.side.structure import find_decoder

IDS = torch.randint(3, 500, (2, 48), generator=torch.Generator().manual_seed(0))


def feed_forwards(model: Any) -> list[Any]:
    return [m for m in find_decoder(model).blocks.modules() if type(m).__name__.endswith("MLP")]


def calls_of(model: Any) -> list[int]:
    """Tokens that the inner linear layers of the backbone's feed-forwards are given, call by call."""
    seen: list[int] = []
    for module in feed_forwards(model.get_base_model()):
        inner = next(child for child in module.children() if hasattr(child, "weight"))
        inner.register_forward_pre_hook(lambda m, args: seen.append(args[0].shape[1]))
    return seen


@pytest.mark.parametrize("chunk", [7, 47])
@pytest.mark.parametrize("model_type", ["llama", "gpt2", "gpt_neox", "phi3", "gemma2"])
def test_chunks_compute_what_the_whole_does(
    tuned: Callable[..., Any], logits: Callable[..., Tensor], model_type: str, chunk: int
) -> None:
    whole = tuned(LadderConfig, model_type)
    chunked = tuned(LadderConfig, model_type, backbone_chunk_tokens=chunk)
    seen = calls_of(chunked)
    torch.testing.assert_close(logits(chunked, IDS), logits(whole, IDS), rtol=1e-5, atol=1e-6)
    assert max(seen) == chunk
    assert sum(seen) == 4 * IDS.shape[1]


def test_short_inputs_and_a_switched_off_adapter_run_whole(
    tuned: Callable[..., Any], logits: Callable[..., Tensor]
) -> None:
    model = tuned(LadderConfig, backbone_chunk_tokens=16)
    seen = calls_of(model)
    logits(model, IDS[:, :16])
    with model.disable_adapter():
        logits(model, IDS)
    assert seen == [16] * 4 + [48] * 4


def test_side_blocks_are_not_chunked_and_learn_the_same(tuned: Callable[..., Any]) -> None:
    gradients = []
    for chunk in (None, 8):
        model = tuned(LadderConfig, backbone_chunk_tokens=chunk, output="replace").train()
        model(input_ids=IDS, labels=IDS).loss.backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    for whole, chunked in zip(*gradients, strict=True):
        torch.testing.assert_close(chunked, whole, rtol=1e-3, atol=1e-6)


def test_fewer_bytes_are_alive(backbone: Callable[..., Any]) -> None:
    def largest(chunk: int | None) -> int:
        model = get_peft_model(
            backbone(intermediate_size=4096), LadderConfig(reduction_factor=2, taps=[0], backbone_chunk_tokens=chunk)
        )
        model.eval()
        with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            model.get_base_model().model(IDS, use_cache=False)
        alive = peak = 0
        for event in profiler.profiler.kineto_results.events():
            if event.name() == "[memory]":
                alive += event.nbytes()
                peak = max(peak, alive)
        return peak

    token = 4 * 2 * 4096  # one token of the inner activation, of two rows
    assert largest(None) - largest(8) > 2 * (48 - 8) * token * 0.9  # gate and up, or their product


def test_unload_takes_it_away(tuned: Callable[..., Any], backbone: Callable[..., Any]) -> None:
    model = tuned(LadderConfig, backbone_chunk_tokens=8)
    assert all("forward" in vars(module) for module in feed_forwards(model.get_base_model()))
    unloaded = model.unload()
    assert not any("forward" in vars(module) for module in feed_forwards(unloaded))
    assert torch.equal(unloaded(IDS).logits, backbone()(IDS).logits)


def test_a_copy_of_the_model_chunks_on_its_own(tuned: Callable[..., Any], logits: Callable[..., Tensor]) -> None:
    model = tuned(LadderConfig, backbone_chunk_tokens=8)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for module in feed_forwards(model.get_base_model()):
            module.down_proj.weight.zero_()
    assert not torch.allclose(logits(twin, IDS), logits(model, IDS))
    assert feed_forwards(twin.get_base_model())[0].forward.whole.__self__ is feed_forwards(twin.get_base_model())[0]
