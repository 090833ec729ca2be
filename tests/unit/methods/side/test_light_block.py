"""The light block on backbones that pass masks and caches in different ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ladderscope.methods.side import XLadderConfig

ARCHITECTURES = ["llama", "gemma2", "gpt2", "opt", "gpt_neox", "phi3"]


@pytest.fixture
def model(tuned: Callable[..., Any], request: pytest.FixtureRequest) -> Any:
    made = tuned(XLadderConfig, request.param, side_block="light", delta=2)
    network = made.base_model.side_layer.network
    torch.manual_seed(0)
    nn.init.normal_(network.output.upsample.weight)
    for block in network.blocks:  # strong enough that a token which should not be seen would show
        for parameter in block.parameters():
            parameter.data *= 2
    return made


@pytest.mark.parametrize("model", ARCHITECTURES, indirect=True)
class TestEveryArchitecture:
    def test_a_token_sees_what_is_before_it_and_nothing_behind(
        self, model: Any, logits: Callable[..., Tensor], token_ids: Tensor
    ) -> None:
        changed = token_ids.clone()
        changed[:, 8:] = 7
        before, after = logits(model, token_ids), logits(model, changed)
        torch.testing.assert_close(after[:, :8], before[:, :8])
        assert not torch.allclose(after[:, 9:], before[:, 9:], rtol=1e-2)

    def test_padding_on_the_left_changes_nothing(
        self, model: Any, logits: Callable[..., Tensor], token_ids: Tensor
    ) -> None:
        padding = torch.zeros(2, 5, dtype=torch.long)
        mask = torch.cat([padding, torch.ones_like(token_ids)], dim=1)
        is_opt = model.config.model_type == "opt"
        positions = {} if is_opt else {"position_ids": (mask.cumsum(1) - 1).clamp_min(0)}
        padded = logits(model, torch.cat([padding, token_ids], dim=1), attention_mask=mask, **positions)
        torch.testing.assert_close(padded[:, 5:], logits(model, token_ids), rtol=1e-4, atol=1e-4)

    def test_a_cache_gives_the_logits_of_the_whole(
        self, model: Any, logits: Callable[..., Tensor], token_ids: Tensor
    ) -> None:
        with torch.no_grad():
            start = model(input_ids=token_ids[:, :10], use_cache=True)
            end = model(input_ids=token_ids[:, 10:], past_key_values=start.past_key_values, use_cache=True)
        torch.testing.assert_close(
            torch.cat([start.logits, end.logits], dim=1), logits(model, token_ids), rtol=1e-4, atol=1e-4
        )


def test_has_one_head_no_norm_and_no_output_projection(tuned: Callable[..., Any]) -> None:
    block = tuned(XLadderConfig, side_block="light").base_model.side_layer.network.blocks[0]
    shapes = {name: tuple(p.shape) for name, p in block.named_parameters() if p.dim() == 2}
    assert shapes == {
        "query.weight": (32, 32),
        "key.weight": (32, 32),
        "value.weight": (32, 32),
        "up.weight": (128, 32),
        "down.weight": (32, 128),
    }


def test_takes_widths_that_no_head_would_divide(tuned: Callable[..., Any]) -> None:
    model = tuned(XLadderConfig, side_block="light", side_width=13, side_ffn_width=5)
    block = model.base_model.side_layer.network.blocks[0]
    assert (block.query.weight.shape, block.up.weight.shape) == ((13, 13), (5, 13))
