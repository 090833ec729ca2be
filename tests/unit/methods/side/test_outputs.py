"""How the side network joins the backbone's output, dropout on the way, and the dtype of it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor, nn

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig
from ladderscope.methods.side.outputs import OUTPUTS

HIDDEN, SIDE = 16, 4


@pytest.fixture
def final_norm() -> nn.Module:
    norm = nn.RMSNorm(HIDDEN)
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    return norm


@pytest.fixture
def stream() -> Tensor:
    return torch.randn(2, 3, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def hidden() -> Tensor:
    return torch.randn(2, 3, HIDDEN, generator=torch.Generator().manual_seed(1))


class TestAtTheStart:
    @pytest.mark.parametrize("kind", ["add", "mix"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    def test_add_and_mix_are_the_backbone_bit_for_bit(
        self, kind: str, dtype: torch.dtype, stream: Tensor, hidden: Tensor, final_norm: nn.Module
    ) -> None:
        output, norm, hidden = OUTPUTS[kind](HIDDEN, SIDE, 0.0), final_norm.to(dtype), hidden.to(dtype)
        assert torch.equal(output(stream, hidden, norm), norm(hidden))

    def test_replace_ignores_the_backbone(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> None:
        output = OUTPUTS["replace"](HIDDEN, SIDE, 0.0)
        joined = output(stream, hidden, final_norm)
        assert torch.equal(joined, output(stream, 2 * hidden + 1, final_norm))
        assert not torch.allclose(joined, final_norm(hidden), atol=0.1)


def test_mix_keeps_a_small_share_of_the_side_network_in_16_bits(
    stream: Tensor, hidden: Tensor, final_norm: nn.Module
) -> None:
    output: Any = OUTPUTS["mix"](HIDDEN, SIDE, 0.0)
    nn.init.constant_(output.alpha, 0.9985)  # 1.0 in bfloat16
    hidden = hidden.to(torch.bfloat16)
    output(stream, hidden, final_norm.to(torch.bfloat16)).float().sum().backward()
    assert output.upsample.weight.grad.abs().max() > 0


def test_mix_moves_from_the_backbone_to_the_side_network_with_alpha(
    stream: Tensor, hidden: Tensor, final_norm: nn.Module
) -> None:
    output: Any = OUTPUTS["mix"](HIDDEN, SIDE, 0.0)
    for alpha in (1.0, 0.25, 0.0):
        nn.init.constant_(output.alpha, alpha)
        expected = alpha * final_norm(hidden) + (1 - alpha) * output.up(stream, hidden.dtype)
        torch.testing.assert_close(output(stream, hidden, final_norm), expected)


def test_only_alpha_of_qst_and_the_way_up_of_ladder_learn_in_the_first_step(
    tuned: Callable[..., Any], token_ids: Tensor
) -> None:
    expected = {QSTConfig: {"output.alpha"}, LadderConfig: {"output.upsample.weight", "output.upsample.bias"}}
    for make_config, names in expected.items():
        model = tuned(make_config).train()
        model(input_ids=token_ids, labels=token_ids).loss.backward()
        network = model.base_model.side_layer.network
        assert {name for name, p in network.named_parameters() if p.grad.abs().max() > 0} == names


@pytest.mark.parametrize("checkpoint", [False, True])
class TestDropout:
    def make(self, tuned: Callable[..., Any], checkpoint: bool, dropout: float) -> Any:
        return tuned(LSTConfig, dropout=dropout, checkpoint_blocks=checkpoint)

    def test_is_at_work_in_training_only(
        self, tuned: Callable[..., Any], logits: Callable[..., Tensor], token_ids: Tensor, checkpoint: bool
    ) -> None:
        model, without = self.make(tuned, checkpoint, 0.5), self.make(tuned, checkpoint, 0.0)
        assert torch.equal(logits(model.eval(), token_ids), logits(without.eval(), token_ids))
        assert not torch.allclose(logits(model.train(), token_ids), logits(model.train(), token_ids), atol=1e-3)
        assert torch.equal(logits(without.train(), token_ids), logits(without.train(), token_ids))

    def test_is_on_taps_and_on_the_way_up(
        self, tuned: Callable[..., Any], token_ids: Tensor, checkpoint: bool
    ) -> None:
        model = self.make(tuned, checkpoint, 0.5).train()
        network = model.base_model.side_layer.network
        zeros: list[float] = []
        for module in (network.dropout, network.output.dropout):
            module.register_forward_hook(lambda m, args, out: zeros.append((out == 0).float().mean().item()))
        model(token_ids)
        assert len(zeros) == 1 + 4 + 1  # the embeddings, four taps, the output
        assert all(0.4 < share < 0.6 for share in zeros)


@pytest.mark.parametrize("side_dtype", ["float32", "bfloat16", "float16", None])
@pytest.mark.parametrize("backbone_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("settings", [{}, {"downsample": "linear", "output": "mix"}, {"side_block": "light"}])
def test_the_side_network_has_its_own_dtype_and_the_logits_the_backbones(
    backbone: Callable[..., Any],
    token_ids: Tensor,
    side_dtype: Any,
    backbone_dtype: torch.dtype,
    settings: dict[str, Any],
) -> None:
    config = LadderConfig(reduction_factor=2, side_dtype=side_dtype, **settings)
    model = get_peft_model(backbone().to(backbone_dtype), config).train()
    wanted = torch.float32 if side_dtype is None else getattr(torch, side_dtype)
    network: Any = model.base_model.side_layer.network
    nn.init.normal_(network.output.upsample.weight)
    mask = torch.ones_like(token_ids)
    mask[0, :3] = 0

    out = model(input_ids=token_ids, attention_mask=mask, labels=token_ids)
    out.loss.backward()

    assert {p.dtype for p in network.parameters()} == {wanted}
    assert out.logits.dtype == backbone_dtype
    assert network.rotary.inv_freq.dtype == torch.float32
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
