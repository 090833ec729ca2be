"""Values that nobody knows, as host code sees them."""

from __future__ import annotations

import torch

from ladderscope.memory.predict import predict_memory


def test_the_rows_of_an_unknown_matrix_differ_on_the_host_and_are_the_same_every_time() -> None:
    with predict_memory("rtx-4090-24gb"):
        matrix = torch.randn(64, 32, device="cuda")
        rows, again = matrix.cpu(), matrix.cpu()
    assert torch.unique(rows, dim=0).shape == rows.shape
    assert torch.equal(rows, again)


def test_making_up_values_leaves_the_users_random_numbers_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    with predict_memory("rtx-4090-24gb"):
        torch.manual_seed(0)
        torch.empty(64, 32, device="cuda").cpu()
        assert torch.equal(torch.rand(3), expected)


def test_an_unknown_token_is_none_of_those_that_are_looked_for() -> None:
    with predict_memory("rtx-4090-24gb"):
        ends = torch.tensor([2], device="cuda")
        unknown, known = torch.randn(4, 8, device="cuda").argmax(-1), torch.tensor([1, 2], device="cuda")
        assert torch.isin(unknown, ends).tolist() == [False] * 4
        assert torch.isin(known, ends).tolist() == [False, True]


def test_an_unknown_number_is_one() -> None:
    with predict_memory("rtx-4090-24gb"):
        assert torch.randn(4, device="cuda").cpu().tolist() == [1, 1, 1, 1]


def test_unknown_numbers_are_neither_infinite_nor_nan() -> None:
    with predict_memory("rtx-4090-24gb"):
        logits = torch.randn(64, 64, device="cuda")
        assert not torch.isinf(logits).any()
        assert not torch.isnan(logits).any()
        assert torch.isfinite(logits).all()
