"""cuBLAS takes its workspace when a product runs: behind the result, once for each thread."""

from __future__ import annotations

import pytest
import torch

from ladderscope.memory.predict import predict_memory
from ladderscope.torch_internals import clear_cublas_workspaces

MIB = 2**20


@pytest.mark.parametrize(("gpu", "workspace"), [("h100-80gb", 32 * MIB), ("a100-80gb", 8_519_680)])
def test_the_workspace_comes_behind_the_first_result_of_each_thread(gpu: str, workspace: int) -> None:
    with predict_memory(gpu, torch_version="2.13") as trace:
        left = torch.empty(64, 32, device="cuda", requires_grad=True)
        right = torch.empty(32, 16, device="cuda")
        start = len(trace.events)
        product = left @ right
        product = product @ torch.empty(16, 8, device="cuda")
        product.backward(torch.empty(64, 8, device="cuda"))
        events = trace.events[start:]
    asked = [event.allocation.num_bytes for event in events if event.is_alloc]
    first_result, second_operand, second_result, gradient = 64 * 16 * 4, 16 * 8 * 4, 64 * 8 * 4, 64 * 8 * 4
    assert asked == [
        first_result,
        workspace,
        second_operand,
        second_result,
        gradient,
        64 * 16 * 4,
        workspace,
        64 * 32 * 4,
    ]


def test_from_2_15_on_a_workspace_lives_as_long_as_its_product() -> None:
    with predict_memory("a100-80gb", torch_version="2.15") as trace:
        left, right = torch.empty(64, 32, device="cuda"), torch.empty(32, 16, device="cuda")
        products = [left @ right for _ in range(2)]
        events = [event for event in trace.events if event.allocation.category == "workspace"]
    assert [event.is_alloc for event in events] == [True, False, True, False]
    assert len(products) == 2


def test_workspaces_are_cleared_and_the_next_product_takes_one_anew() -> None:
    with predict_memory("a100-80gb", torch_version="2.13"):
        left, right = torch.empty(64, 32, device="cuda"), torch.empty(32, 16, device="cuda")
        before = torch.cuda.memory_allocated()
        product = left @ right
        with_workspace = torch.cuda.memory_allocated()
        clear_cublas_workspaces()
        cleared = torch.cuda.memory_allocated()
        del product
        product = left @ right
        again = torch.cuda.memory_allocated()
    assert with_workspace - cleared == 8_519_680
    assert cleared - before == product.nbytes
    assert again == with_workspace
