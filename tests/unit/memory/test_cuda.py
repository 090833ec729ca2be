from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
from ladderscope.memory.replay import read_about, read_traces, replay
from ladderscope.memory.timeline import find_peak
from ladderscope.predict import CUDA, META, predict_cell
from ladderscope.records import Cell, Record
from ladderscope.sweep.histories import history_path, write_history
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


def measure_on_simulated_gpu(cell: Cell) -> tuple[Record, CudaMeter]:
    with predict_memory("h100-80gb"):
        meter = CudaMeter()
        return measure_cell(cell, meter), meter


@pytest.fixture(scope="module")
def checkpointed(tiny_cell: Callable[..., Cell]) -> tuple[Record, CudaMeter]:
    """A measurement after some training, of a model whose blocks do not all fit into small segments."""
    settings: dict[str, Any] = {"gradient_checkpointing": True, "loss_impl": "chunked"}
    cell = tiny_cell(method="lora", model="random:gpt2", dtype="bf16", seq_len=64, steps=2, **settings)
    return measure_on_simulated_gpu(cell)


def test_a_measured_step_is_the_predicted_one_whatever_was_trained_before(
    checkpointed: tuple[Record, CudaMeter],
) -> None:
    """Reserved memory too, which depends on where things lie: the meter begins anew, as a prediction does."""
    measured, predicted = checkpointed[0], predict_cell(checkpointed[0].cell, "h100-80gb").record
    assert measured.memory is not None
    assert predicted.memory is not None
    assert measured.memory.peak_allocated_bytes == predicted.memory.peak_allocated_bytes
    assert measured.memory.peak_reserved_bytes == predicted.memory.peak_reserved_bytes
    assert measured.memory.saved_for_backward_bytes == predicted.memory.saved_for_backward_bytes
    assert measured.flops == predicted.flops


def test_the_history_is_of_the_measured_step_alone(checkpointed: tuple[Record, CudaMeter], tmp_path: Path) -> None:
    record, meter = checkpointed
    assert meter.history is not None
    assert record.memory is not None
    path = history_path(tmp_path, record.cell)
    write_history(path, meter.history, record)
    (trace,) = read_traces(path)
    result = replay(trace)
    assert result.is_exact
    assert result.peak_allocated_bytes == record.memory.peak_allocated_bytes
    assert result.peak_reserved_bytes == record.memory.peak_reserved_bytes
    about = read_about(path)
    assert Cell.from_json(about["cell"]) == record.cell
    assert (about["gpu"], about["torch"]) == (record.gpu, record.env["torch"])
    assert about["peak_allocated_bytes"] == record.memory.peak_allocated_bytes


def test_the_same_history_is_the_same_bytes(checkpointed: tuple[Record, CudaMeter], tmp_path: Path) -> None:
    record, meter = checkpointed
    assert meter.history is not None
    for name in ("a.json.gz", "b.json.gz"):
        write_history(tmp_path / name, meter.history, record)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


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
