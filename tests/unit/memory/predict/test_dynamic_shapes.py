"""Results whose size depends on values."""

from __future__ import annotations

import torch

from ladderscope.memory.predict import predict_memory


def test_a_known_mask_picks_as_many_elements_as_it_has_set() -> None:
    with predict_memory("rtx-4090-24gb"):
        mask = torch.tensor([1, 0, 2, 0], device="cuda") > 0
        for rows in (torch.randn(4, 3, device="cuda"), torch.arange(12, device="cuda").view(4, 3)):
            assert rows[mask].shape == (2, 3)
            assert rows[mask].is_cuda


def test_known_numbers_behind_a_mask_can_be_written() -> None:
    with predict_memory("rtx-4090-24gb"):
        numbers = torch.tensor([3, 0, 5], device="cuda")
        numbers[numbers > 0] += 10
        assert numbers.tolist() == [13, 0, 15]


def test_nonzero_and_bincount_of_known_numbers() -> None:
    with predict_memory("rtx-4090-24gb"):
        numbers = torch.tensor([3, 0, 3], device="cuda")
        assert numbers.nonzero().shape == (2, 1)
        assert torch.bincount(numbers).tolist() == [1, 0, 0, 2]
