"""How a tap joins the side stream."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, SideConfig
from ladderscope.methods.side.gates import make_gate

WIDTH = 8


@pytest.fixture
def stream() -> Tensor:
    return torch.randn(2, 3, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def tap() -> Tensor:
    return torch.randn(2, 3, WIDTH, generator=torch.Generator().manual_seed(1))


def test_without_a_gate_the_two_are_added(stream: Tensor, tap: Tensor) -> None:
    gate = make_gate(SideConfig(gate="none"), WIDTH)
    assert torch.equal(gate(stream, tap), stream + tap)
    assert not list(gate.parameters())


@pytest.mark.parametrize("temperature", [0.1, 1.0, 2.5])
@pytest.mark.parametrize("logit", [-0.3, 0.0, 0.2])
def test_a_scalar_gate_mixes_by_the_sigmoid_of_its_logit_over_the_temperature(
    stream: Tensor, tap: Tensor, temperature: float, logit: float
) -> None:
    gate = make_gate(SideConfig(gate="scalar", gate_temperature=temperature, gate_init=logit), WIDTH)
    share = 1 / (1 + torch.exp(torch.tensor(-logit / temperature)))
    torch.testing.assert_close(gate(stream, tap), share * stream + (1 - share) * tap)
    assert [p.shape for p in gate.parameters()] == [()]


def test_a_vector_gate_has_a_share_for_every_channel(stream: Tensor, tap: Tensor) -> None:
    gate = make_gate(SideConfig(gate="vector", gate_temperature=1.0), WIDTH)
    (logit,) = gate.parameters()
    assert logit.shape == (WIDTH,)
    with torch.no_grad():
        logit.copy_(torch.linspace(-30, 30, WIDTH))
    mixed = gate(stream, tap)
    torch.testing.assert_close(mixed[..., 0], tap[..., 0])
    torch.testing.assert_close(mixed[..., -1], stream[..., -1])


@pytest.mark.parametrize("config", [LSTConfig(), QSTConfig(), LadderConfig()])
def test_published_gates_start_at_one_half(config: SideConfig, stream: Tensor, tap: Tensor) -> None:
    torch.testing.assert_close(make_gate(config, WIDTH)(stream, tap), (stream + tap) / 2)


def test_a_whole_number_is_as_good_a_start_as_any() -> None:
    (logit,) = make_gate(SideConfig(gate_init=1), WIDTH).parameters()
    assert logit.dtype == torch.float32
    assert logit.item() == 1.0


def test_a_low_temperature_turns_the_gate_faster(stream: Tensor, tap: Tensor) -> None:
    slopes = []
    for temperature in (1.0, 0.1):
        gate = make_gate(SideConfig(gate_temperature=temperature), WIDTH)
        gate(stream, tap).sum().backward()
        (logit,) = gate.parameters()
        assert logit.grad is not None
        slopes.append(logit.grad)
    torch.testing.assert_close(slopes[1], 10 * slopes[0])
