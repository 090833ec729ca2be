"""A recorded memory history of one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.layout import SegmentLayout

SEGMENT_ACTIONS = frozenset({"segment_alloc", "segment_free", "segment_map", "segment_unmap"})


class TraceEvent(NamedTuple):
    """One entry of the history; ``size`` is what was requested for blocks, and bytes held for segments."""

    action: str
    address: int
    size: int
    stream: int


@dataclass(frozen=True)
class Trace:
    """What the allocator of one device did, and what it held at the end.

    Attributes:
        name: the file's name.
        device: the device's number.
        events: in the order of time.
        final_segments: the state when the history was written.
        config: the allocator's settings.
    """

    name: str
    device: int
    events: list[TraceEvent]
    final_segments: list[SegmentLayout]
    config: AllocatorConfig
