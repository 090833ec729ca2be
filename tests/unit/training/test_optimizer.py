from __future__ import annotations

import pytest
import torch
from torch import nn

from ladderscope.training.optimizer import NEEDS_CUDA, OPTIMIZERS, make_optimizer

ON_CPU = [name for name in OPTIMIZERS if name not in NEEDS_CUDA]
LR = 1e-2
# bitsandbytes keeps the state of smaller tensors in 32 bits.
SHAPE = (64, 128)


def trained_weight(name: str, steps: int = 5) -> nn.Parameter:
    """A weight after some steps of linear regression, with the optimizer of this name."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(SHAPE) / 10)
    inputs, targets = torch.randn(32, SHAPE[1]), torch.randn(32, SHAPE[0])
    optimizer = make_optimizer(name, [weight], LR)
    for _ in range(steps):
        nn.functional.mse_loss(inputs @ weight.T, targets).backward()
        optimizer.step()
        optimizer.zero_grad()
    return weight


@pytest.mark.parametrize("name", ON_CPU)
def test_the_first_step_of_adam_is_the_learning_rate(name: str) -> None:
    moved = (trained_weight(name, steps=1) - trained_weight(name, steps=0)).abs()
    assert moved.median().item() == pytest.approx(LR, rel=0.02)


def test_the_fused_implementation_computes_the_same() -> None:
    torch.testing.assert_close(trained_weight("adamw-fused"), trained_weight("adamw"))


def test_state_in_8_bits_goes_nearly_the_same_way() -> None:
    start, exact, eight_bit = trained_weight("adamw", steps=0), trained_weight("adamw"), trained_weight("adamw-8bit")
    assert 0 < (eight_bit - exact).norm() < 0.1 * (exact - start).norm()


def test_state_in_8_bits_takes_a_byte_per_moment_and_parameter() -> None:
    weight = nn.Parameter(torch.zeros(SHAPE))
    optimizer = make_optimizer("adamw-8bit", [weight], LR)
    weight.grad = torch.ones(SHAPE)
    optimizer.step()
    moments = [optimizer.state[weight][name] for name in ("state1", "state2")]
    assert [(moment.dtype, moment.shape) for moment in moments] == [(torch.uint8, SHAPE)] * 2


@pytest.mark.parametrize("name", ON_CPU)
def test_weights_do_not_decay(name: str) -> None:
    weight = nn.Parameter(torch.ones(SHAPE))
    optimizer = make_optimizer(name, [weight], LR)
    weight.grad = torch.zeros(SHAPE)
    optimizer.step()
    assert torch.equal(weight, torch.ones(SHAPE))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_what_is_trained_is_given_to_the_optimizer(name: str) -> None:
    trained, frozen = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2), requires_grad=False)
    (group,) = make_optimizer(name, [frozen, trained], LR).param_groups
    assert [id(parameter) for parameter in group["params"]] == [id(trained)]


def test_weight_decay_draws_matrices_to_zero_and_leaves_biases_alone() -> None:
    layer = nn.Linear(4, 4)
    optimizer = make_optimizer("adamw", layer.parameters(), lr=0.1, weight_decay=0.5)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), weight * (1 - 0.1 * 0.5))
    assert torch.equal(layer.bias, bias)
