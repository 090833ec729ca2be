"""``init="sliced"``: side blocks that do, in the narrow stream, what the backbone's blocks do in theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor
from torch.nn.functional import cosine_similarity

from ladderscope.methods.side import LadderConfig
from ladderscope.methods.side.calibration import calibrate
from ladderscope.methods.side.structure import find_decoder

TOKENS = torch.randint(3, 500, (16, 32), generator=torch.Generator().manual_seed(2))
HELD_OUT = torch.randint(3, 500, (4, 32), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def structured(backbone: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a backbone with a residual stream in few directions, as trained ones have, and blocks that count."""

    def make(model_type: str) -> Any:
        model = backbone(model_type)
        torch.manual_seed(5)
        directions = torch.linalg.qr(torch.randn(64, 64)).Q * torch.cat([torch.ones(12), torch.full((52,), 0.05)])
        with torch.no_grad():
            embeddings = model.get_input_embeddings().weight
            embeddings.copy_(torch.randn(len(embeddings), 64) @ directions.T)
            for block in find_decoder(model).blocks:
                for parameter in block.parameters():
                    if parameter.dim() == 2:
                        parameter.mul_(5)
        return model

    return make


@torch.no_grad()
def agreement(model: Any) -> list[float]:
    """For each side block the cosine of what it adds to the narrow stream with what the backbone's next block adds.

    Measured on held-out tokens, both in the coordinates of the side block's tap.
    """
    network = model.base_model.side_layer.network
    hidden: dict[int, Tensor] = {}
    with model.base_model.side_layer.lockstep.observe(lambda index, out: hidden.__setitem__(index, out)):
        model(HELD_OUT, use_cache=False)
    found = []
    for index in range(3):
        downsample = network.downsample_of(index)
        stream = downsample(network.project(index, hidden[index]))
        wanted = (hidden[index + 1] - hidden[index]) @ network.projection_of(index).matrix @ downsample.weight.T
        positions = torch.arange(32)[None]
        rotary = {"position_embeddings": network.rotary(stream, positions)} if network.rotary is not None else {}
        out = network.blocks[index].eval()(stream, **rotary)
        added = (out[0] if isinstance(out, tuple) else out) - stream
        found.append(cosine_similarity(added.flatten(), wanted.flatten(), 0).item())
    return found


@pytest.mark.parametrize("model_type", ["llama", "qwen2", "phi3", "gpt2", "opt", "gpt_neox"])
def test_sliced_blocks_do_what_the_backbones_do_far_better_than_random_ones(
    structured: Callable[..., Any], model_type: str
) -> None:
    found = {}
    for init in ("default", "sliced"):
        torch.manual_seed(1)
        model = get_peft_model(structured(model_type), LadderConfig(reduction_factor=2, init=init))
        calibrate(model, [TOKENS])
        found[init] = agreement(model)
    # Measured: 0.36 to 0.56 for sliced blocks, up to 0.13 for random ones.
    assert min(found["sliced"]) > max(map(abs, found["default"])) + 0.2


def test_without_calibration_blocks_keep_their_default_start(tuned: Callable[..., Any]) -> None:
    default, sliced = (tuned(LadderConfig, init=each) for each in ("default", "sliced"))
    for before, after in zip(default.parameters(), sliced.parameters(), strict=True):
        assert torch.equal(before, after)


def test_a_sliced_network_still_starts_as_the_backbone_and_learns(
    tuned: Callable[..., Any],
    backbone: Callable[..., Any],
    logits: Callable[..., Tensor],
    train: Callable[..., list[float]],
    token_ids: Tensor,
) -> None:
    model = tuned(LadderConfig, init="sliced", taps=[0, 2, None])
    calibrate(model, [TOKENS])
    assert torch.equal(logits(model, token_ids), logits(backbone(), token_ids))
    losses = train(model, token_ids)
    assert losses[-1] < losses[0] - 0.05
