"""A memory history of one device, recorded or predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.layout import SegmentLayout

SEGMENT_ACTIONS = frozenset({"segment_alloc", "segment_free", "segment_map", "segment_unmap"})

PREDICTED_BY = "predicted_by"
"""The key of a file by which a history that was predicted is told from one that was recorded; viewers pass over it."""


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
        is_predicted: whether the file says that no GPU did this.
    """

    name: str
    device: int
    events: list[TraceEvent]
    final_segments: list[SegmentLayout]
    config: AllocatorConfig
    is_predicted: bool = False
