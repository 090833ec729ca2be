"""Streams: each has its own blocks, as in the caching allocator; no work is waited for."""

from __future__ import annotations

from pathlib import Path

import torch

from ladderscope.memory.predict import predict_memory

MIB = 2**20


def test_a_stream_does_not_use_what_another_one_freed() -> None:
    with predict_memory("a100-80gb") as trace:
        side = torch.cuda.Stream()
        freed = torch.empty(30 * MIB, dtype=torch.uint8, device="cuda")
        del freed
        with torch.cuda.stream(side):
            kept = torch.empty(30 * MIB, dtype=torch.uint8, device="cuda")
        again = torch.empty(30 * MIB, dtype=torch.uint8, device="cuda")
    assert [event.allocation.stream for event in trace.events if event.is_alloc] == [0, side.stream_id, 0]
    assert trace.peak_allocated_bytes == kept.numel() + again.numel()
    assert trace.peak_reserved_bytes == 2 * 30 * MIB  # the freed one was used again by its own stream alone


def test_a_stream_is_current_inside_of_its_block_alone() -> None:
    with predict_memory("a100-80gb"):
        outer, inner = torch.cuda.Stream(), torch.cuda.Stream(priority=-1)
        assert outer != inner
        with torch.cuda.stream(outer), inner:
            assert torch.cuda.current_stream() == inner
        assert torch.cuda.current_stream() == torch.cuda.default_stream()
        torch.cuda.set_stream(outer)
        assert torch.accelerator.current_stream() == outer
    with predict_memory("a100-80gb"):
        assert torch.cuda.current_stream() == torch.cuda.default_stream()


def test_streams_begin_anew_after_thirty_two() -> None:
    with predict_memory("a100-80gb"):
        streams = [torch.cuda.Stream() for _ in range(33)]
    assert len({stream.stream_id for stream in streams}) == 32
    assert streams[32] == streams[0]


def test_a_snapshot_replays_every_stream(tmp_path: Path) -> None:
    from ladderscope.memory.predict.snapshots import snapshot_of

    with predict_memory("a100-80gb") as trace:
        with torch.cuda.stream(torch.cuda.Stream()):
            kept = torch.empty(3 * MIB, dtype=torch.uint8, device="cuda")
        snapshot = snapshot_of(trace._device)
        reserved = trace.peak_reserved_bytes
    assert sum(segment["total_size"] for segment in snapshot["segments"]) == reserved
    assert [segment["stream"] for segment in snapshot["segments"]] == [1]
    assert kept.numel() == 3 * MIB
