"""PyTorch's memory snapshots, as ``torch.cuda.memory._snapshot`` gives them and ``_dump_snapshot`` pickles them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.layout import FREE, BlockLayout, SegmentLayout
from ladderscope.memory.replay.trace import PREDICTED_BY, SEGMENT_ACTIONS, Trace, TraceEvent

_ACTIONS = SEGMENT_ACTIONS | {"alloc", "free_requested", "free_completed"}
_DEFAULT_POOL = (0, 0)


def snapshot_traces(name: str, snapshot: dict[str, Any]) -> list[Trace]:
    """One trace per device of a snapshot; KeyError, TypeError or ValueError where it is none."""
    config = AllocatorConfig.from_settings(snapshot.get("allocator_settings"))
    return [
        dataclasses.replace(
            _device_trace(name, device, entries, snapshot["segments"], config), is_predicted=PREDICTED_BY in snapshot
        )
        for device, entries in enumerate(snapshot["device_traces"])
    ]


def _device_trace(
    name: str, device: int, entries: list[dict[str, Any]], segments: list[dict[str, Any]], config: AllocatorConfig
) -> Trace:
    stream_of = _stream_numbers()
    return Trace(
        name=name,
        device=device,
        events=[
            TraceEvent(entry["action"], int(entry["addr"]), int(entry["size"]), stream_of(entry, "pool_id"))
            for entry in entries
            if entry["action"] in _ACTIONS
        ],
        final_segments=[
            segment_from(segment, stream_of(segment, "segment_pool_id"))
            for segment in segments
            if segment.get("device", 0) == device
        ],
        config=config,
    )


def _stream_numbers() -> Callable[[dict[str, Any], str], int]:
    """Numbers for streams. A stream in a private pool gets one of its own: pools share blocks no more than streams."""
    private: dict[tuple[Any, int], int] = {}

    def number(entry: dict[str, Any], pool_key: str) -> int:
        stream, pool = int(entry.get("stream", 0)), tuple(entry.get(pool_key, _DEFAULT_POOL))
        if pool == _DEFAULT_POOL:
            return stream
        return private.setdefault((pool, stream), -1 - len(private))

    return number


def segment_from(segment: dict[str, Any], stream: int) -> SegmentLayout:
    """A segment of a snapshot; blocks of older snapshots have no address of their own."""
    blocks: list[BlockLayout] = []
    address = int(segment["address"])
    for block in segment["blocks"]:
        state, size = str(block["state"]), int(block["size"])
        requested = None if state == FREE else int(block.get("requested_size") or size)
        blocks.append(BlockLayout(address, size, requested, state))
        address += size
    if address != segment["address"] + segment["total_size"]:
        raise ValueError(f"the blocks of segment {segment['address']:#x} do not fill it")
    return SegmentLayout(
        address=int(segment["address"]),
        total_size=int(segment["total_size"]),
        stream=stream,
        is_small=segment["segment_type"] == "small",
        blocks=tuple(blocks),
        is_expandable=bool(segment.get("is_expandable", False)),
    )
