"""How long simulated tensors live: as long as on the device, whatever watches them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ladderscope.memory.predict import MemoryTrace, predict_memory
from ladderscope.memory.predict.cpu_rules import predict_cpu_memory
from ladderscope.memory.predict.exact_allocator import ExactAllocator
from ladderscope.predict import STEADY_STEP, predict_cell
from ladderscope.records import Cell

GPU = "rtx-3060-12gb"


def live_bytes(trace: MemoryTrace) -> int:
    return trace.moment(len(trace.events) - 1).allocated_bytes


def test_weights_that_are_replaced_are_freed() -> None:
    with predict_memory(GPU) as trace:
        layer = nn.Linear(64, 64, bias=False, dtype=torch.bfloat16)
        layer.to("cuda")
        assert live_bytes(trace) == 64 * 64 * 2
        layer.weight.data = layer.weight.data.float()
        assert live_bytes(trace) == 64 * 64 * 4


def test_bitsandbytes_keeps_no_gradient_of_an_8_bit_optimizer_alive() -> None:
    import bitsandbytes as bnb

    with predict_memory(GPU) as trace:
        weight = nn.Parameter(torch.ones(128, 128, device="cuda"))
        optimizer = bnb.optim.AdamW8bit([weight])
        live = []
        for _ in range(3):
            weight.sum().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            live.append(live_bytes(trace))
    assert live[1] == live[2]


def test_an_operation_with_a_kernel_of_its_own_is_not_taken_apart() -> None:
    with predict_memory(GPU) as trace:
        hidden = torch.ones(1024, device="cuda", requires_grad=True)
        nn.functional.silu(hidden).sum().backward()
    assert {event.allocation.operation for event in trace.events} >= {"silu", "silu_backward"}
    assert "sigmoid" not in {event.allocation.operation for event in trace.events}


def test_gradients_add_up_in_place_but_a_recomputed_forward_does_not() -> None:
    def double(hidden: torch.Tensor) -> torch.Tensor:
        return (hidden + hidden.sin()).cos()

    with predict_memory(GPU) as trace:
        hidden = torch.ones(1024, device="cuda", requires_grad=True)
        checkpoint(double, hidden, use_reentrant=False).sum().backward()
    backward = [event.allocation.operation for event in trace.events if event.allocation.phase == "backward"]
    added = [operation for operation in backward if operation == "add.Tensor"]
    assert len(added) == 2  # the forward's sum, once made and once freed; the gradients' sum takes no memory


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_chunked_loss_can_be_predicted(tiny_cell: Callable[..., Cell], checkpointing: bool) -> None:
    cell = tiny_cell(method="lora", dtype="bf16", gradient_checkpointing=checkpointing, loss_impl="chunked")
    assert predict_cell(cell, GPU).trace.peak(STEADY_STEP).allocated_bytes > 0


def test_recomputed_modules_keep_their_names(tiny_cell: Callable[..., Cell]) -> None:
    trace = predict_cell(tiny_cell(method="full", gradient_checkpointing=True), GPU).trace
    recomputed = {event.allocation.module for event in trace.events if event.allocation.phase == "backward"}
    assert "model.layers.0.mlp.act_fn" in recomputed
    assert "act_fn" not in recomputed


def test_a_cpu_rounds_nothing_and_keeps_nothing() -> None:
    allocator = ExactAllocator()
    blocks = [allocator.malloc(size) for size in (1, 513, 3 << 20)]
    assert allocator.stats.allocated_bytes == allocator.stats.reserved_bytes == 514 + (3 << 20)
    for block in blocks:
        allocator.free(block)
    assert allocator.stats.reserved_bytes == 0
    assert allocator.stats.peak_reserved_bytes == 514 + (3 << 20)
    with pytest.raises(ValueError, match="not allocated"):
        allocator.free(blocks[0])


def operations_of_an_update(context: AbstractContextManager[MemoryTrace]) -> set[str]:
    with context as trace:
        layer = nn.Linear(8, 8, device="cuda")
        layer(torch.ones(8, 8, device="cuda")).sum().backward()
        torch.optim.AdamW(layer.parameters()).step()
    return {event.allocation.operation for event in trace.events if event.allocation.phase == "optimizer step"}


def test_on_a_cpu_the_optimizer_takes_one_parameter_after_the_other() -> None:
    assert any("foreach" in operation for operation in operations_of_an_update(predict_memory(GPU)))
    assert not any("foreach" in operation for operation in operations_of_an_update(predict_cpu_memory()))
