"""The compact form of a memory history: what the allocator did, without frames, as JSON.

``{"events": [[action, address, size, stream], ...], "final_segments": [...], "allocator_settings": {...} or null}``;
a segment has ``address``, ``total_size``, ``segment_type``, ``stream`` and ``blocks`` as in PyTorch's snapshots.
"""

from __future__ import annotations

from typing import Any

from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.replay.pytorch import segment_from
from ladderscope.memory.replay.trace import Trace, TraceEvent


def compact_trace(name: str, document: dict[str, Any]) -> Trace:
    """The trace in a compact document; KeyError, TypeError or ValueError where it is none."""
    return Trace(
        name=name,
        device=0,
        events=[
            TraceEvent(str(action), int(address), int(size), int(stream))
            for action, address, size, stream in document["events"]
        ],
        final_segments=[segment_from(segment, segment["stream"]) for segment in document["final_segments"]],
        config=AllocatorConfig.from_settings(document.get("allocator_settings")),
    )
