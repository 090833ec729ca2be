"""The snapshots that we write, opened by PyTorch's own tools."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.cuda import _memory_viz

from ladderscope.memory.allocator import CachingAllocator
from ladderscope.memory.replay import Frame, HistoryRecorder, read_traces, replay
from ladderscope.units import MIB

Recorded = tuple[CachingAllocator, HistoryRecorder]


@pytest.fixture(params=["", "expandable_segments:True"])
def path(request: pytest.FixtureRequest, record: Callable[..., Recorded], save: Callable[[Recorded], Path]) -> Path:
    """A weight that stays, an activation that goes, and one that waits for another stream."""
    allocator, recorder = record(request.param)
    recorder.user_metadata, recorder.frames = "weights", [Frame("model.py", 12, "load")]
    allocator.malloc(5 * MIB)
    recorder.user_metadata, recorder.frames = "activations", [Frame("model.py", 34, "forward")]
    gone, waiting = allocator.malloc(1000), allocator.malloc(30 * MIB - 100)
    allocator.free(gone)
    allocator.record_stream(waiting, 7)
    allocator.free(waiting)
    return save((allocator, recorder))


@pytest.fixture
def snapshot(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        loaded: dict[str, Any] = pickle.load(file)
    return loaded


def test_it_has_the_keys_of_pytorch(snapshot: dict[str, Any]) -> None:
    assert list(snapshot) == ["segments", "device_traces", "allocator_settings", "external_annotations"]
    assert {"address", "total_size", "stream", "segment_type", "segment_pool_id", "blocks"} <= set(
        snapshot["segments"][0]
    )
    assert {"address", "size", "requested_size", "state", "frames"} == set(snapshot["segments"][0]["blocks"][0])
    assert snapshot["allocator_settings"]["max_split_size"] == -1


def test_allocations_carry_their_category_and_their_frames_until_they_are_freed(snapshot: dict[str, Any]) -> None:
    (trace,) = snapshot["device_traces"]
    weight, small = (entry for entry in trace if entry["action"] == "alloc" and entry["size"] in (5 * MIB, 1000))
    assert (weight["user_metadata"], small["user_metadata"]) == ("weights", "activations")
    assert weight["frames"] == [{"filename": "model.py", "line": 12, "name": "load"}]
    (freed,) = (entry for entry in trace if entry["action"] == "free_completed")
    assert (freed["user_metadata"], freed["frames"]) == ("activations", small["frames"])
    states = {
        (block["requested_size"], block["state"]): block["frames"]
        for segment in snapshot["segments"]
        for block in segment["blocks"]
        if block["state"] != "inactive"
    }
    assert states == {
        (5 * MIB, "active_allocated"): weight["frames"],
        (30 * MIB - 100, "active_awaiting_free"): small["frames"],
    }


def test_pytorch_summarises_it(snapshot: dict[str, Any]) -> None:
    summary = _memory_viz.segsum(snapshot)
    assert f"segments: {len(snapshot['segments'])}" in summary
    text = _memory_viz.trace(snapshot)
    assert "Device 0" in text
    assert "5.0MiB" in text


def test_pytorch_plots_it(snapshot: dict[str, Any]) -> None:
    for plot in (_memory_viz.trace_plot(copy.deepcopy(snapshot)), _memory_viz.segment_plot(copy.deepcopy(snapshot))):
        assert "snapshot.pickle" in plot
    assert "snapshot.pickle" in _memory_viz.trace_plot(snapshot, filter_freed=True)


def test_pytorch_makes_flame_graphs_of_it(snapshot: dict[str, Any]) -> None:
    lines = _memory_viz.memory(snapshot, format_flamegraph=str)
    assert f"stream_0;active_allocated;model.py:12:load {5 * MIB}" in lines
    assert "active_awaiting_free;model.py:34:forward" in _memory_viz.segments(snapshot, format_flamegraph=str)


def test_our_own_reader_replays_it_exactly(path: Path) -> None:
    (trace,) = read_traces(path)
    result = replay(trace)
    assert result.is_exact
    assert result.allocations == 3
