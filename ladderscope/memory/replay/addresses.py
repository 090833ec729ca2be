"""Segments where the recorded run had them: the one thing that a replay takes from the answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ladderscope.memory.allocator.addresses import IncreasingAddresses
from ladderscope.memory.allocator.layout import SegmentLayout
from ladderscope.memory.replay.expandable import space_starts
from ladderscope.memory.replay.trace import Trace

ELSEWHERE = 2**56
"""Where address space goes that the trace says nothing about: above all that a GPU uses."""


class RecordedAddresses:
    """Gives each new segment the address that the driver gave the recorded run for a segment of that size.

    The driver's choice is outside of the allocator. Which segments are asked for, how large and when, is not taken
    from the record: a segment that the run never had goes to a place of its own.

    Attributes:
        space_starts: first addresses of expandable segments by (stream, is_small); those at the start come first.
    """

    def __init__(self, trace: Trace, start: Iterable[SegmentLayout]) -> None:
        self._recorded: dict[tuple[int, int], deque[int]] = {}
        self._elsewhere = IncreasingAddresses(ELSEWHERE)
        self.space_starts = space_starts(trace, start)
        for event in trace.events:
            if event.action == "segment_alloc":
                self._recorded.setdefault((event.size, event.stream), deque()).append(event.address)

    def place(self, size: int, stream: int) -> int:
        """The recorded address of the next segment of this size and stream."""
        waiting = self._recorded.get((size, stream))
        return waiting.popleft() if waiting else self._elsewhere.place(size, stream)

    def reserve(self, size: int, stream: int, is_small: bool) -> int:
        """The recorded first address of the next expandable segment of this stream and pool."""
        waiting = self.space_starts.get((stream, is_small))
        return waiting.popleft() if waiting else self._elsewhere.place(size, stream)
