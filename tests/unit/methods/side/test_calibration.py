"""``calibrate()``: what it reads, what it leaves alone and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig
from ladderscope.methods.side.calibration import calibrate, needs_calibration


def projection(model: Any, tap: int = 1) -> Any:
    return model.base_model.side_layer.network.projection_of(tap)


def test_fits_every_tap_to_the_outputs_of_its_backbone_block(
    tuned: Callable[..., Any], backbone: Callable[..., Any], token_ids: Tensor
) -> None:
    model = tuned(LadderConfig, taps=[0, 2], embedding_tap="own")
    calibrate(model, [token_ids])
    hidden = backbone()(token_ids, output_hidden_states=True).hidden_states
    for tap in (-1, 0, 2):
        torch.testing.assert_close(projection(model, tap).mean, hidden[tap + 1].flatten(0, 1).mean(0))


@pytest.mark.parametrize("training", [True, False])
def test_gives_the_training_mode_back(tuned: Callable[..., Any], token_ids: Tensor, training: bool) -> None:
    model = tuned(LadderConfig).train(training)
    calibrate(model, [token_ids])
    assert model.training == training
    assert model.base_model.side_layer.training == training


def test_gives_the_training_mode_back_after_an_error(tuned: Callable[..., Any]) -> None:
    model = tuned(LadderConfig).train()
    with pytest.raises(IndexError):
        calibrate(model, [torch.full((1, 4), 10_000)])
    assert model.training


@pytest.mark.parametrize("nothing", [[], iter(())])
def test_no_batches_are_refused(tuned: Callable[..., Any], nothing: Any) -> None:
    with pytest.raises(ValueError, match="no batch: pass a few batches of training data"):
        calibrate(tuned(LadderConfig), nothing)


def test_a_model_without_a_side_network_is_refused(backbone: Callable[..., Any], token_ids: Tensor) -> None:
    with pytest.raises(ValueError, match="no side network: wrap it with get_peft_model first"):
        calibrate(backbone(), [token_ids])


@pytest.mark.parametrize("init", ["default", "sliced"])
def test_padding_is_left_out(tuned: Callable[..., Any], token_ids: Tensor, init: str) -> None:
    padding = torch.full((2, 9), 5)
    padded = {
        "input_ids": torch.cat([token_ids, padding], dim=1),
        "attention_mask": torch.cat([torch.ones_like(token_ids), torch.zeros_like(padding)], dim=1),
    }
    with_padding, without = tuned(LadderConfig, init=init), tuned(LadderConfig, init=init)
    calibrate(with_padding, [padded])
    calibrate(without, [token_ids])
    torch.testing.assert_close(projection(with_padding).mean, projection(without).mean)
    torch.testing.assert_close(
        projection(with_padding).matrix.abs(), projection(without).matrix.abs(), rtol=1e-2, atol=1e-3
    )
    ids = padded["input_ids"]
    calibrate(without, [ids])
    assert not torch.allclose(projection(with_padding).mean, projection(without).mean, rtol=1e-2)


def test_reads_no_more_batches_than_hold_the_tokens(tuned: Callable[..., Any], token_ids: Tensor) -> None:
    read = []

    def batches() -> Iterator[Tensor]:
        for number in range(10):
            read.append(number)
            yield token_ids  # 32 tokens

    calibrate(tuned(LadderConfig), batches(), num_tokens=65)
    assert read == [0, 1, 2]


def test_moves_neither_the_random_numbers_nor_the_model_without_data_driven_parts(
    tuned: Callable[..., Any], token_ids: Tensor
) -> None:
    for make_config in (LSTConfig, QSTConfig):
        model = tuned(make_config)
        assert not needs_calibration(model)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        torch.manual_seed(4)
        expected = torch.rand(3)
        torch.manual_seed(4)
        calibrate(model, [token_ids])
        assert torch.equal(torch.rand(3), expected)
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_starts_the_active_adapter_only(tuned: Callable[..., Any], token_ids: Tensor) -> None:
    model = tuned(LadderConfig)
    model.add_adapter("second", LadderConfig(reduction_factor=2))
    model.set_adapter("second")
    calibrate(model, [token_ids])
    networks = model.base_model.side_layer.side_network
    assert networks["second"].projection_of(0).is_fitted
    assert not networks["default"].projection_of(0).is_fitted
