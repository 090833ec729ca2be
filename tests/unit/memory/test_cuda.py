from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch

from ladderscope.errors import UsageError
from ladderscope.measure import measure_cell
from ladderscope.memory.cuda import CudaMeter, events_of_history
from ladderscope.memory.meters import resolve_meter
from ladderscope.memory.predict import predict_memory
from ladderscope.memory.predict.details import kept_for_backward
from ladderscope.memory.timeline import find_peak
from ladderscope.predict import CUDA, META
from ladderscope.records import Cell
from ladderscope.training.batches import Batch
from ladderscope.training.loop import TrainingLoop
from studies.prediction_accuracy.cpu import make_loop

HISTORY = [
    {"action": "segment_alloc", "addr": 0, "size": 2097152},
    {"action": "alloc", "addr": 0, "size": 100},
    {"action": "alloc", "addr": 512, "size": 200},
    {"action": "free_requested", "addr": 0, "size": 100},
    {"action": "free_completed", "addr": 0, "size": 100},
    {"action": "alloc", "addr": 0, "size": 300},
]


def test_a_recorded_history_is_replayed_without_its_segments() -> None:
    peak = find_peak({"weights": 1000}, events_of_history(HISTORY, gradients={0}))
    assert peak.num_bytes == 1000 + 200 + 300
    assert peak.breakdown_bytes["gradients"] == 300
    assert peak.breakdown_bytes["activations"] == 200


@pytest.mark.parametrize(
    ("method", "settings"), [("full", {}), ("lora", {"gradient_checkpointing": True, "loss_impl": "chunked"})]
)
def test_the_meter_finds_in_a_history_what_the_trace_knows(
    tiny_cell: Callable[..., Cell], method: str, settings: dict[str, Any]
) -> None:
    """A simulated GPU keeps a history as a real one does, and knows what each block is for."""
    cell = tiny_cell(method=method, dtype="bf16", gradient_accumulation=2, **settings)
    with predict_memory("t4-16gb") as trace:
        loop = make_loop(cell, 1, CUDA, META)
        trace.name_model(loop.model)

        def in_a_span(batches: list[Batch], on_backward: Callable[[], None] | None = None) -> float:
            with trace.span("watched" if on_backward else "before"):
                return TrainingLoop.backward(loop, batches, on_backward)

        with mock.patch.object(loop, "backward", in_a_span):
            loop.step()
            memory = CudaMeter().measure_step(loop)
    kept, known = kept_for_backward(trace, "watched"), trace.breakdown("watched")
    assert kept is not None
    assert memory.saved_for_backward_bytes == sum(allocation.num_bytes for allocation in kept) > 0
    assert sum(memory.breakdown_bytes.values()) == memory.peak_allocated_bytes
    for category in ("weights", "adapter_weights", "gradients", "optimizer_state"):
        assert memory.breakdown_bytes[category] == known[category]


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a CUDA device")
def test_without_a_device_the_meter_says_what_to_use_instead() -> None:
    with pytest.raises(UsageError, match="use --meter cpu"):
        resolve_meter("cuda")
    assert resolve_meter("auto").name == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", ["full", "qlora", "ladder"])
def test_the_breakdown_sums_to_the_peak_on_a_device(tiny_cell: Callable[..., Cell], method: str) -> None:
    record = measure_cell(tiny_cell(method=method, dtype="bf16"), CudaMeter())
    assert record.memory is not None
    assert record.memory.peak_reserved_bytes is not None
    assert record.memory.peak_reserved_bytes >= record.memory.peak_allocated_bytes
    assert sum(record.memory.breakdown_bytes.values()) == record.memory.peak_allocated_bytes
    assert record.gpu == torch.cuda.get_device_name()
    assert record.memory.saved_for_backward_bytes is not None
    assert 0 < record.memory.saved_for_backward_bytes < record.memory.peak_allocated_bytes
