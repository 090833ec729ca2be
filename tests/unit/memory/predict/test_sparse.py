"""Sparse tensors on the simulated device: what they are made of, and what is computed with them."""

from __future__ import annotations

import pytest
import torch

from ladderscope.memory.predict import predict_memory


def entries(count: int = 1024) -> tuple[torch.Tensor, torch.Tensor]:
    indices = torch.zeros(2, count, dtype=torch.long, device="cuda")
    return indices, torch.ones(count, device="cuda", requires_grad=True)


def test_a_sparse_tensor_is_on_the_device_and_takes_no_memory_of_its_own() -> None:
    with predict_memory("rtx-4090-24gb"):
        indices, values = entries()
        before = torch.cuda.memory_allocated()
        sparse = torch.sparse_coo_tensor(indices, values, (64, 64))
        assert sparse.is_cuda
        assert sparse.device == torch.device("cuda", 0)
        assert torch.cuda.memory_allocated() == before


def test_a_dense_tensor_plus_a_sparse_one_is_dense() -> None:
    with predict_memory("rtx-4090-24gb"):
        indices, values = entries()
        weight = torch.zeros(64, 64, device="cuda")
        before = torch.cuda.memory_allocated()
        total = weight + torch.sparse_coo_tensor(indices, values, (64, 64))
        assert total.shape == (64, 64)
        assert torch.cuda.memory_allocated() - before == 64 * 64 * 4


@pytest.mark.parametrize("coalesced", [False, True])
def test_gradients_reach_the_values(coalesced: bool) -> None:
    with predict_memory("rtx-4090-24gb"):
        indices, values = entries()
        sparse = torch.sparse_coo_tensor(indices, values, (64, 64))
        matrix = sparse.coalesce().to_dense() if coalesced else torch.zeros(64, 64, device="cuda").add_(sparse)
        matrix.sum().backward()
        assert values.grad is not None
        assert values.grad.shape == values.shape
        assert values.grad.is_cuda
