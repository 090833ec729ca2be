"""Writes PyTorch memory snapshots: for pytorch.org/memory_viz and every other tool that opens them.

The keys are those of ``torch.cuda.memory._snapshot`` in torch 2.13.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ladderscope.memory.allocator.caching import CachingAllocator
from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.layout import ALLOCATED, FREE, BlockLayout, SegmentLayout, describe
from ladderscope.memory.replay.history import HistoryEvent

PICKLE_PROTOCOL = 4
"""Newer ones are not read by the viewer in the browser."""

_Frames = list[dict[str, Any]]


def snapshot_of(allocator: CachingAllocator, events: Iterable[HistoryEvent]) -> dict[str, Any]:
    """The snapshot of ``allocator``, whose history since it was made is ``events``."""
    return make_snapshot(describe(allocator), events, allocator.config)


def write_snapshot(
    path: Path,
    segments: Iterable[SegmentLayout],
    events: Iterable[HistoryEvent],
    config: AllocatorConfig | None = None,
) -> None:
    """Write a snapshot of one device to ``path``; what it holds is in :func:`make_snapshot`."""
    path.write_bytes(pickle.dumps(make_snapshot(segments, events, config), protocol=PICKLE_PROTOCOL))


def make_snapshot(
    segments: Iterable[SegmentLayout], events: Iterable[HistoryEvent], config: AllocatorConfig | None = None
) -> dict[str, Any]:
    """A snapshot of device 0, as plain containers.

    Args:
        segments: what the allocator holds at the end, e.g. of ``describe(allocator)``.
        events: its history; ``time_us`` in the snapshot is only their order, as nothing was timed.
        config: the allocator's settings.
    """
    entries, frames_at = _entries(events)
    return {
        "segments": [_segment(segment, frames_at) for segment in segments],
        "device_traces": [entries],
        "allocator_settings": (config or AllocatorConfig()).to_settings(),
        "external_annotations": [],
    }


def _entries(events: Iterable[HistoryEvent]) -> tuple[list[dict[str, Any]], dict[int, _Frames]]:
    """The entries, and the frames of the last allocation at each address."""
    frames_at: dict[int, _Frames] = {}
    metadata_at: dict[int, str] = {}
    entries = []
    for order, event in enumerate(events):
        frames: _Frames = []
        metadata = event.user_metadata
        if event.action == "alloc":
            frames = [{"filename": f.filename, "line": f.line, "name": f.name} for f in event.frames]
            frames_at[event.address], metadata_at[event.address] = frames, metadata
        elif event.action in ("free_requested", "free_completed"):
            frames, metadata = frames_at.get(event.address, []), metadata_at.get(event.address, "")
        entries.append(
            {
                "action": event.action,
                "device_free" if event.action == "oom" else "addr": event.address,
                "size": event.size,
                "stream": event.stream,
                "time_us": order,
                "frames": frames,
                "compile_context": "N/A",
                "user_metadata": metadata,
                "pool_id": (0, 0),
            }
        )
    return entries, frames_at


def _segment(segment: SegmentLayout, frames_at: dict[int, _Frames]) -> dict[str, Any]:
    active = [block for block in segment.blocks if block.state != FREE]
    return {
        "device": 0,
        "address": segment.address,
        "total_size": segment.total_size,
        "allocated_size": sum(block.size for block in active if block.state == ALLOCATED),
        "active_size": sum(block.size for block in active),
        "requested_size": sum(block.requested_size or 0 for block in active),
        "stream": segment.stream,
        "segment_type": "small" if segment.is_small else "large",
        "segment_pool_id": (0, 0),
        "is_expandable": segment.is_expandable,
        "frames": [],
        "blocks": [_block(block, frames_at) for block in segment.blocks],
    }


def _block(block: BlockLayout, frames_at: dict[int, _Frames]) -> dict[str, Any]:
    return {
        "address": block.address,
        "size": block.size,
        "requested_size": block.requested_size or 0,
        "state": block.state,
        "frames": [] if block.state == FREE else frames_at.get(block.address, []),
    }
