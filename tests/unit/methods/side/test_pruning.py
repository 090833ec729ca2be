"""``init="pruned"``: side blocks that are backbone blocks with most channels left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig
from ladderscope.methods.side.calibration import calibrate, needs_calibration
from ladderscope.methods.side.structure import find_decoder
from ladderscope.methods.side.weights import read_block

EVERY_SECOND_HEAD_CHANNEL = torch.arange(0, 64, 2)
"""Of four heads of 16 channels, at half the width."""


def side_network(model: Any) -> Any:
    return model.base_model.side_layer.network


def side_block(model: Any, index: int) -> Any:
    return side_network(model).blocks[index]


def largest(scores: Tensor, kept: int) -> Tensor:
    return torch.sort(torch.sort(scores, descending=True).indices[:kept]).values


class TestOfALlama:
    def test_blocks_are_the_backbones_at_the_channels_with_the_largest_weights(
        self, backbone: Callable[..., Any], tuned: Callable[..., Any]
    ) -> None:
        source, block = backbone().model.layers[2], side_block(tuned(LSTConfig), 2)
        attention, mlp = source.self_attn, source.mlp
        reads = [attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj]
        writes = [attention.o_proj, mlp.down_proj]
        residual = largest(sum(m.weight.abs().sum(0) for m in reads) + sum(m.weight.abs().sum(1) for m in writes), 32)
        ffn = largest(sum(m.weight.abs().sum(1) for m in reads[3:]) + mlp.down_proj.weight.abs().sum(0), 64)
        heads, kv_heads = EVERY_SECOND_HEAD_CHANNEL, EVERY_SECOND_HEAD_CHANNEL[:16]

        def same(name: str, expected: Tensor) -> None:
            assert torch.equal(block.get_parameter(name), expected), name

        same("self_attn.q_proj.weight", attention.q_proj.weight[heads][:, residual])
        same("self_attn.k_proj.weight", attention.k_proj.weight[kv_heads][:, residual])
        same("self_attn.v_proj.weight", attention.v_proj.weight[kv_heads][:, residual])
        same("self_attn.o_proj.weight", attention.o_proj.weight[residual][:, heads])
        same("mlp.gate_proj.weight", mlp.gate_proj.weight[ffn][:, residual])
        same("mlp.up_proj.weight", mlp.up_proj.weight[ffn][:, residual])
        same("mlp.down_proj.weight", mlp.down_proj.weight[residual][:, ffn])
        same("input_layernorm.weight", source.input_layernorm.weight[residual])

    def test_kept_head_channels_turn_at_the_frequencies_they_turned_at_in_the_backbone(
        self, backbone: Callable[..., Any], tuned: Callable[..., Any]
    ) -> None:
        whole = backbone().model.rotary_emb.inv_freq  # of channels 0 to 7, and again of 8 to 15
        torch.testing.assert_close(side_network(tuned(LSTConfig)).rotary.inv_freq, whole[::2])

    def test_a_free_block_takes_the_backbone_block_that_runs_before_it(self, tuned: Callable[..., Any]) -> None:
        model = tuned(LadderConfig, init="pruned", taps=[1, None, 3])
        blocks = side_network(model).blocks
        assert torch.equal(blocks[0].mlp.up_proj.weight, blocks[1].mlp.up_proj.weight)
        assert not torch.equal(blocks[0].mlp.up_proj.weight, blocks[2].mlp.up_proj.weight)


@pytest.mark.parametrize(
    "model_type", ["llama", "qwen2", "qwen3", "mistral", "gemma2", "phi3", "gpt2", "opt", "gpt_neox"]
)
def test_every_architectures_blocks_are_parts_of_the_backbones(
    backbone: Callable[..., Any], tuned: Callable[..., Any], model_type: str
) -> None:
    base = backbone(model_type)
    with torch.no_grad():  # biases and norms that can be told apart
        for index, parameter in enumerate(base.parameters()):
            if parameter.dim() == 1:
                parameter.copy_(torch.arange(len(parameter)) + 1000 * index)
    model = get_peft_model(base, LSTConfig(reduction_factor=2))
    source = read_block(find_decoder(base).blocks[1], 64)
    narrow = read_block(side_block(model, 1), 32)
    assert narrow.roles == source.roles
    residual: set[tuple[float, ...]] = set()
    for name, matrix in narrow.parameters.items():
        whole = source.parameters[name]
        assert set(matrix.flatten().tolist()) <= set(whole.flatten().tolist()), name
        assert all(kept * 2 == size for kept, size in zip(matrix.shape, whole.shape, strict=True)), name
        if source.roles[name] == ("residual",):
            residual.add(tuple((matrix % 1000).tolist()))
    assert len(residual) == 1  # what one matrix writes is what the next one reads


class TestFisher:
    def test_takes_other_channels_than_the_magnitude(self, tuned: Callable[..., Any], token_ids: Tensor) -> None:
        magnitude, fisher = tuned(LSTConfig), tuned(LSTConfig, importance="fisher")
        mine, theirs = side_block(fisher, 1).mlp.up_proj.weight, side_block(magnitude, 1).mlp.up_proj.weight
        assert torch.equal(mine, theirs)  # until there are data
        assert needs_calibration(fisher)
        assert not needs_calibration(magnitude)
        calibrate(fisher, [token_ids])
        assert not torch.equal(mine, theirs)

    def test_takes_the_channels_with_the_largest_squared_gradients(
        self, backbone: Callable[..., Any], tuned: Callable[..., Any], token_ids: Tensor
    ) -> None:
        model, plain = tuned(LSTConfig, importance="fisher"), backbone()
        batches = [token_ids[:1], token_ids[1:]]
        calibrate(model, batches)
        mlp = plain.model.layers[3].mlp
        scores = torch.zeros(128)
        for batch in batches:
            plain.zero_grad()
            plain(input_ids=batch, labels=batch).loss.backward()
            scores += sum(m.weight.grad.square().sum(1) for m in (mlp.gate_proj, mlp.up_proj))
            scores += mlp.down_proj.weight.grad.square().sum(0)
        kept = mlp.down_proj.weight[:, largest(scores, 64)]
        narrow = side_block(model, 3).mlp.down_proj.weight
        rows = {tuple(row) for row in kept.tolist()}
        assert {tuple(row) for row in narrow.tolist()} <= rows

    def test_leaves_padding_out(self, tuned: Callable[..., Any], token_ids: Tensor) -> None:
        padded = torch.cat([token_ids, torch.full((2, 6), 9)], dim=1)
        mask = torch.cat([torch.ones_like(token_ids), torch.zeros(2, 6, dtype=torch.long)], dim=1)
        with_padding, without = (tuned(LSTConfig, importance="fisher") for _ in range(2))
        calibrate(with_padding, [{"input_ids": padded, "attention_mask": mask}])
        calibrate(without, [token_ids])
        for mine, theirs in zip(side_network(with_padding).blocks, side_network(without).blocks, strict=True):
            assert torch.equal(mine.mlp.up_proj.weight, theirs.mlp.up_proj.weight)

    def test_leaves_the_backbone_frozen_and_without_gradients(
        self, tuned: Callable[..., Any], token_ids: Tensor
    ) -> None:
        model = tuned(LSTConfig, importance="fisher")
        calibrate(model, [token_ids])
        for name, parameter in model.named_parameters():
            assert parameter.requires_grad == (".side_network." in name), name
            assert parameter.grad is None, name

    def test_is_refused_on_a_quantised_backbone(self, tiny_model: Callable[..., Any], token_ids: Tensor) -> None:
        model = get_peft_model(tiny_model(quantization="nf4"), LSTConfig(reduction_factor=2, importance="fisher"))
        model.train()
        with pytest.raises(ValueError, match="needs gradients of the backbone's weights, which are quantised"):
            calibrate(model, [token_ids])
        assert model.training


def test_a_quantised_backbone_is_pruned_by_the_weights_it_computes_with(tiny_model: Callable[..., Any]) -> None:
    model = get_peft_model(tiny_model(quantization="nf4"), LSTConfig(reduction_factor=2))
    source = read_block(model.base_model.model.model.layers[0], 64).matrices["mlp.up_proj.weight"]
    narrow = side_block(model, 0).mlp.up_proj.weight
    assert set(narrow.flatten().tolist()) <= set(source.flatten().tolist())
    assert narrow.std() > 0
