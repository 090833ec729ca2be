"""Where autograd writes in place on CUDA, and where it does not."""

from __future__ import annotations

import torch

from ladderscope.memory.predict import MemoryTrace, predict_memory

SIZE = 64 * 64 * 4


def matrices(trace: MemoryTrace) -> list[str]:
    """Operations in backward that made something of the matrix' size."""
    (span,) = trace.spans
    events = trace.events[span.start : span.stop]
    return [event.allocation.operation for event in events if event.is_alloc and event.allocation.num_bytes == SIZE]


def test_the_gradient_of_masked_fill_is_a_changed_copy() -> None:
    with predict_memory("h100-80gb") as trace:
        scores = torch.empty(64, 64, device="cuda", requires_grad=True)
        masked = (scores * 2).masked_fill(torch.ones(64, 64, dtype=torch.bool, device="cuda"), -1e9).exp()
        gradient = torch.empty(64, 64, device="cuda")
        with trace.span("backward"):
            masked.backward(gradient)
    assert matrices(trace) == ["mul.Tensor", "masked_fill.Scalar", "mul.Tensor"]


def test_the_gradient_of_a_norm_is_masked_in_place() -> None:
    with predict_memory("h100-80gb") as trace:
        values = torch.empty(64, 64, device="cuda", requires_grad=True)
        lengths = torch.linalg.vector_norm(values, dim=-1, keepdim=True)
        gradient = torch.empty(64, 1, device="cuda")
        with trace.span("backward"):
            lengths.backward(gradient)
    assert matrices(trace) == ["div.Tensor", "mul.Tensor"]


def test_the_gradient_of_a_maximum_is_scattered_into_zeros() -> None:
    with predict_memory("h100-80gb") as trace:
        values = torch.empty(64, 64, device="cuda", requires_grad=True)
        largest = values.max(dim=-1, keepdim=True).values
        gradient = torch.empty(64, 1, device="cuda")
        with trace.span("backward"):
            largest.backward(gradient)
    assert matrices(trace) == ["new_zeros"]
