"""What a trained tap keeps of its input for backward, and what that costs in accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, linear

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig
from ladderscope.methods.side.config import TapStorage
from ladderscope.methods.side.tap_linear import TapLinear

STORAGES: list[TapStorage] = ["full", "int8", "pooled"]
WIDTH, NARROW, TOKENS = 256, 32, 128
INT8 = 1 + 4 / 64 + 4 / TOKENS
"""Bytes per channel of a token: itself, its share of a scale per 64 channels, and of a scale per channel."""


@pytest.fixture
def hidden() -> Tensor:
    """A residual stream as real ones are: a few channels are hundreds of times the others."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 64, WIDTH, generator=generator)
    states[..., [7, 70, 200]] *= 400
    return states


def tap_linear(storage: TapStorage) -> TapLinear:
    torch.manual_seed(0)
    return TapLinear(WIDTH, NARROW, bias=True, storage=storage)


def gradients(hidden: Tensor, storage: TapStorage, first: int = 0) -> tuple[Tensor, Tensor]:
    """Of weight and bias, from a fixed random gradient of the output from token ``first`` on."""
    layer = tap_linear(storage)
    out = layer(hidden)[:, first:]
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)))
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    return layer.weight.grad, layer.bias.grad


def bytes_kept(run: Callable[[], Any]) -> int:
    """Of all tensors that autograd keeps while ``run`` runs, but for parameters."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        alive = run()
    del alive
    return sum(kept.values())


@pytest.mark.parametrize("storage", STORAGES)
def test_forward_is_that_of_a_linear_layer_whatever_is_kept(storage: TapStorage, hidden: Tensor) -> None:
    layer = tap_linear(storage)
    expected = linear(hidden, layer.weight, layer.bias)
    assert torch.equal(layer(hidden), expected)
    with torch.no_grad():
        assert torch.equal(layer(hidden), expected)


def test_gradients_of_full_storage_are_those_of_a_linear_layer(hidden: Tensor) -> None:
    layer = tap_linear("full")
    out = linear(hidden, layer.weight, layer.bias)
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)))
    weight_grad, bias_grad = gradients(hidden, "full")
    torch.testing.assert_close(weight_grad, layer.weight.grad, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(bias_grad, layer.bias.grad)


class TestGradientErrors:
    """Relative to the exact gradient of the weight; the bias needs no input."""

    def test_of_int8_are_about_one_percent_in_every_channel_beside_large_ones(self, hidden: Tensor) -> None:
        exact, bias = gradients(hidden, "full")
        int8, int8_bias = gradients(hidden, "int8")
        assert ((int8 - exact).norm(dim=0) < 0.02 * exact.norm(dim=0)).all()  # measured: 0.5 to 1.1%
        assert torch.equal(int8_bias, bias)

    def test_of_int8_are_as_small_in_the_tokens_behind_a_massive_one(self, hidden: Tensor) -> None:
        hidden[:, 0, 70] *= 300  # as the first token of a text often is
        exact, int8 = (gradients(hidden, storage, first=1)[0] for storage in ("full", "int8"))
        assert ((int8 - exact).norm(dim=0) < 0.05 * exact.norm(dim=0)).all()

    def test_of_pooled_are_large_but_the_means_of_four_channels_are_exact(self, hidden: Tensor) -> None:
        exact, bias = gradients(hidden, "full")
        pooled, pooled_bias = gradients(hidden, "pooled")
        means = exact.unflatten(-1, (-1, 4)).mean(-1)
        torch.testing.assert_close(pooled, means.repeat_interleave(4, dim=-1), rtol=1e-4, atol=1e-3)
        assert 0.3 < cosine_similarity(pooled.flatten(), exact.flatten(), 0) < 0.7  # one half: of unrelated channels
        assert torch.equal(pooled_bias, bias)

    @pytest.mark.parametrize("width", [4, 60, 96])
    def test_of_int8_are_small_at_widths_that_no_group_divides(self, width: int) -> None:
        torch.manual_seed(0)
        hidden, exact, int8 = torch.randn(2, 8, width), *(TapLinear(width, 3, True, s) for s in ("full", "int8"))
        int8.load_state_dict(exact.state_dict())
        for layer in (exact, int8):
            layer(hidden).square().sum().backward()
        assert exact.weight.grad is not None
        assert int8.weight.grad is not None
        assert (int8.weight.grad - exact.weight.grad).norm() < 0.02 * exact.weight.grad.norm()


class TestBytesKept:
    @pytest.mark.parametrize(
        ("storage", "dtype", "bytes_per_channel"),
        [
            ("full", torch.float32, 4),
            ("int8", torch.float32, INT8),
            ("pooled", torch.float32, 1),
            ("full", torch.bfloat16, 2),
            ("int8", torch.bfloat16, INT8),
            ("pooled", torch.bfloat16, 0.5),
        ],
    )
    def test_are_those_of_the_storage_in_the_dtype_of_the_backbone(
        self, storage: TapStorage, dtype: torch.dtype, bytes_per_channel: float, hidden: Tensor
    ) -> None:
        layer = tap_linear(storage)  # in fp32, as beside a bf16 backbone
        assert bytes_kept(lambda: layer(hidden.to(dtype))) == bytes_per_channel * hidden.numel()

    def test_are_none_without_gradients(self, hidden: Tensor) -> None:
        with torch.no_grad():
            assert bytes_kept(lambda: tap_linear("int8")(hidden)) == 0

    def test_fall_in_a_whole_model(self, tuned: Callable[..., Any], token_ids: Tensor) -> None:
        def kept_with(storage: TapStorage) -> int:
            model = tuned(LadderConfig, downsample="linear", tap_storage=storage).train()
            return bytes_kept(lambda: model(token_ids).logits)

        kept = {storage: kept_with(storage) for storage in STORAGES}
        channels = 4 * 2 * 16 * 64  # of four taps
        assert kept["full"] - kept["int8"] == channels * 4 - channels * (1 + 4 / 64 + 4 / 32)
        assert kept["full"] - kept["pooled"] == channels * 3


@pytest.mark.parametrize("make_config", [LSTConfig, QSTConfig])
@pytest.mark.parametrize("storage", STORAGES)
def test_gradients_arrive_under_autocast(
    tuned: Callable[..., Any], token_ids: Tensor, make_config: Any, storage: TapStorage
) -> None:
    model = tuned(make_config, tap_storage=storage).train()
    network = model.base_model.side_layer.network
    torch.nn.init.normal_(network.output.upsample.weight)
    if make_config is QSTConfig:
        torch.nn.init.constant_(network.output.alpha, 0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(input_ids=token_ids, labels=token_ids).loss
    loss.backward()
    for name, parameter in network.downsamples.named_parameters():
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.norm() > 0, name


def test_training_learns_nearly_as_well_from_int8_and_still_learns_from_pooled(
    tuned: Callable[..., Any], train: Callable[..., list[float]], token_ids: Tensor
) -> None:
    settings = {"downsample": "linear", "output": "replace"}
    full, int8, pooled = (train(tuned(tap_storage=each, **settings), token_ids, steps=15) for each in STORAGES)
    assert int8[0] == pooled[0] == full[0]
    assert int8[-1] == pytest.approx(full[-1], abs=0.01)
    assert full[-1] < full[0] - 0.5
    assert pooled[-1] == pytest.approx(full[-1], abs=0.2)
