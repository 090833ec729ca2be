"""PEFT's adapters start with PEFT's own numbers on a real device, and with made-up ones of the same shapes on none."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ladderscope.memory.predict import predict_memory
from ladderscope.methods._peft_start import LARGE, quick_start

REAL = nn.Linear(2, 2)
NOT_LOADED_YET = nn.Linear(2, 2, device="meta")


@pytest.fixture
def simulated() -> Iterator[nn.Module]:
    with predict_memory("rtx-3060-12gb"):
        yield nn.Linear(2, 2, device="cuda")


def permutations(count: int) -> list[list[int]]:
    """Three draws: two of a generator, one of another of the same seed."""
    generator, again = (torch.Generator().manual_seed(7) for _ in range(2))
    draws = [torch.randperm(count, generator=g) for g in (generator, generator, again)]
    return [draw[:5].tolist() for draw in draws]


def test_a_seeded_permutation_is_the_one_that_pytorch_draws(simulated: nn.Module) -> None:
    expected = permutations(LARGE)
    for model in (REAL, simulated):
        with quick_start(model, "fourierft"):
            assert permutations(LARGE) == expected
    assert expected[0] == expected[2] != expected[1]


def test_a_permutation_without_a_generator_is_drawn_anew() -> None:
    with quick_start(REAL, "shira"):
        assert torch.randperm(LARGE, generator=None).shape == (LARGE,)


def test_changing_a_permutation_does_not_change_the_next_draw() -> None:
    with quick_start(REAL, "shira"):
        first = torch.randperm(LARGE, generator=torch.Generator().manual_seed(1))
        expected = first[:3].tolist()
        first.zero_()
        assert torch.randperm(LARGE, generator=torch.Generator().manual_seed(1))[:3].tolist() == expected


def test_the_permutation_matrices_of_boft_are_those_of_peft() -> None:
    from peft.tuners.boft.layer import BOFTLayer

    indices = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    expected = BOFTLayer.perm2mat(SimpleNamespace(), indices)
    with quick_start(REAL, "boft"):
        assert torch.equal(BOFTLayer.perm2mat(SimpleNamespace(), indices), expected)
        assert torch.equal(BOFTLayer.perm2mat(SimpleNamespace(), indices.tolist()), expected)


@pytest.mark.parametrize("model", [REAL, NOT_LOADED_YET])
def test_large_random_tensors_keep_their_seed_on_a_real_backbone(model: nn.Module) -> None:
    torch.manual_seed(3)
    expected = nn.init.normal_(torch.empty(LARGE))
    torch.manual_seed(3)
    with quick_start(model, "shadow"):
        assert torch.equal(nn.init.normal_(torch.empty(LARGE)), expected)


def test_large_made_up_matrices_are_full_of_numbers_and_have_rows_that_differ(simulated: nn.Module) -> None:
    with quick_start(simulated, "shadow"):
        matrix = nn.init.normal_(torch.empty(1025, 1024))
        keyword = nn.init.normal_(tensor=torch.empty(1025, 1024))
    assert torch.isfinite(matrix).all()
    assert keyword.shape == matrix.shape
    assert len({tuple(row) for row in matrix[:8, :4].tolist()}) == 8
    assert matrix.std() > 0.5


def test_frod_gets_factors_of_the_shapes_that_it_computes(simulated: nn.Module) -> None:
    from peft.tuners.frod import layer, model

    weights = [torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]

    def shapes() -> list[tuple[torch.Size, torch.dtype]]:
        basis = model._projection_from_weights(weights, 1e-3)
        factors = layer.FrodLayer._calculate_frod_u_and_lambda(SimpleNamespace(), basis, weights[0])
        return [(tensor.shape, tensor.dtype) for tensor in (basis, *factors)]

    expected = shapes()
    with quick_start(simulated, "frod"):
        assert shapes() == expected


def test_frod_still_refuses_a_weight_that_is_packed(simulated: nn.Module) -> None:
    from peft.tuners.frod.layer import FrodLayer

    with quick_start(simulated, "frod"), pytest.raises(RuntimeError, match="shape"):
        FrodLayer._calculate_frod_u_and_lambda(SimpleNamespace(), torch.eye(1), torch.empty(8, 2))


def test_peft_is_left_as_it_was() -> None:
    from peft.tuners.boft.layer import BOFTLayer

    before = BOFTLayer.perm2mat
    with pytest.raises(KeyError), quick_start(REAL, "boft"):
        raise KeyError
    assert BOFTLayer.perm2mat is before
