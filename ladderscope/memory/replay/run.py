"""Feeds the requests of a recorded run to the allocator's model and compares what it does with what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from ladderscope.memory.allocator.blocks import Block
from ladderscope.memory.allocator.caching import CachingAllocator
from ladderscope.memory.allocator.layout import restore
from ladderscope.memory.allocator.sizes import MIN_BLOCK_BYTES, SMALL_BYTES, round_size
from ladderscope.memory.replay.addresses import RecordedAddresses
from ladderscope.memory.replay.start import state_at_start
from ladderscope.memory.replay.trace import SEGMENT_ACTIONS, Trace, TraceEvent

MAX_STARTS = 100
"""How often the start is corrected at most."""

SegmentEvent = tuple[int, str, int, int, int]
"""(allocations before it, action, address, size, stream)"""


@dataclass(frozen=True)
class ReplayResult:
    """How far the model and a recorded run agree.

    Attributes:
        trace: the trace's name.
        device: the device's number.
        allocations: recorded allocations, each replayed.
        exact_addresses: those that the model placed at the recorded address.
        segment_events: recorded segments taken and given back (for expandable segments: pages mapped and unmapped).
        exact_segment_events: those that the model did at the same allocation, with the same size and address.
        extra_segment_events: what the model did and the recorded run did not.
        peak_allocated_bytes, peak_reserved_bytes: of the replay.
        first_difference: where both first part, in a sentence; None if they never do.
        predicted: whether the history is one of a prediction, and no GPU's.
    """

    trace: str
    device: int
    allocations: int
    exact_addresses: int
    segment_events: int
    exact_segment_events: int
    extra_segment_events: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    first_difference: str | None
    predicted: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether every address and every segment event agrees."""
        return (
            self.exact_addresses == self.allocations
            and self.exact_segment_events == self.segment_events
            and self.extra_segment_events == 0
        )


def replay(trace: Trace) -> ReplayResult:
    """Replay the requests of ``trace`` from the state at its start.

    The allocator sees sizes and streams of allocations, which block is freed, and that cached memory is emptied;
    nothing else. (A history does not have the calls of ``empty_cache``: a segment given back is taken for one.) Only
    the state at the start is taken from all of the record, also from where a block was not placed.

    Raises:
        UsageError: the history contradicts itself.
    """
    remainders: dict[int, int] = {}
    for _ in range(MAX_STARTS):
        try:
            return _Replay(trace, remainders, may_correct=True).run()
        except _WrongStart as found:
            remainders[found.address] = remainders.get(found.address, 0) + found.more_bytes
    return _Replay(trace, remainders, may_correct=False).run()


class _WrongStart(Exception):
    """A block from before the recording is longer than it was taken to be."""

    def __init__(self, address: int, more_bytes: int) -> None:
        super().__init__(address, more_bytes)
        self.address = address
        self.more_bytes = more_bytes


class _Replay:
    def __init__(self, trace: Trace, remainders: Mapping[int, int], may_correct: bool) -> None:
        self.trace = trace
        self.remainders = remainders
        self.may_correct = may_correct
        start = state_at_start(trace, remainders)
        self.open_ends = start.open_ends
        self.allocator = CachingAllocator(trace.config, addresses=RecordedAddresses(trace, start.segments))
        # The address policy knows where the address space of expandable segments starts, also below what is mapped.
        restore(self.allocator, start.segments)
        self.allocator.device.on_event = self._heard
        # Blocks by the address that the recorded run gave them.
        self.blocks: dict[int, Block] = dict(self.allocator.active)
        self.done = 0
        self.exact = 0
        self.first_wrong: tuple[int, str] | None = None
        self.recorded: list[SegmentEvent] = []
        self.modelled: list[SegmentEvent] = []
        self.modelled_since_alloc: set[SegmentEvent] = set()

    def run(self) -> ReplayResult:
        events = self.trace.events
        for event, following in zip_longest(events, events[1:]):
            if event.action == "alloc":
                self._alloc(event)
            elif event.action == "free_requested":
                if following is None or following[:2] != ("free_completed", event.address):
                    self._free_later(event)
            elif event.action == "free_completed":
                self._free(event)
            else:
                self._segment(event)
        return self._result()

    def _alloc(self, event: TraceEvent) -> None:
        block = self.allocator.malloc(event.size, event.stream)
        if block.address == event.address:
            self.exact += 1
        elif self.first_wrong is None:
            self._check_start(block)
            where = f"{event.size} bytes recorded at {event.address:#x}, modelled at {block.address:#x}"
            self.first_wrong = self.done, where
        self.blocks[event.address] = block
        self.done += 1
        self.modelled_since_alloc.clear()

    def _check_start(self, block: Block) -> None:
        """Where the model used free memory behind a block with an open end, and the run did not, it was too short.

        Only free memory can be told from a remainder this way; nothing else of the start is open.
        """
        owner = block.prev
        if not self.may_correct or owner is None or self.open_ends.get(block.address) != owner.address:
            return
        behind = block.next
        rest = behind.size if behind is not None and behind.is_free else 0
        wanted = round_size(block.requested_size, self.trace.config.roundup_power2_divisions)
        more_bytes = block.size + rest - wanted + MIN_BLOCK_BYTES
        # A remainder is at most 1 MiB, and a free block of the large pool is longer than that.
        if self.remainders.get(owner.address, 0) + more_bytes <= SMALL_BYTES < wanted - MIN_BLOCK_BYTES:
            raise _WrongStart(owner.address, more_bytes)

    def _free_later(self, event: TraceEvent) -> None:
        """Another stream still uses the block. When it is done is the GPU's affair, so the record says it."""
        block = self.blocks[event.address]
        self.allocator.record_stream(block, _own_stream(event.address))
        self.allocator.free(block)

    def _free(self, event: TraceEvent) -> None:
        block = self.blocks.pop(event.address)
        if block.allocated:
            self.allocator.free(block)
        else:
            self.allocator.synchronize(_own_stream(event.address))

    def _segment(self, event: TraceEvent) -> None:
        entry = (self.done, *event)
        self.recorded.append(entry)
        if event.action in ("segment_free", "segment_unmap") and entry not in self.modelled_since_alloc:
            self.allocator.empty_cache()

    def _heard(self, action: str, address: int, size: int, stream: int) -> None:
        if action in SEGMENT_ACTIONS:
            entry = (self.done, action, address, size, stream)
            self.modelled.append(entry)
            self.modelled_since_alloc.add(entry)

    def _result(self) -> ReplayResult:
        recorded, modelled = Counter(self.recorded), Counter(self.modelled)
        return ReplayResult(
            trace=self.trace.name,
            device=self.trace.device,
            allocations=self.done,
            exact_addresses=self.exact,
            segment_events=len(self.recorded),
            exact_segment_events=(recorded & modelled).total(),
            extra_segment_events=(modelled - recorded).total(),
            peak_allocated_bytes=self.allocator.stats.peak_allocated_bytes,
            peak_reserved_bytes=self.allocator.stats.peak_reserved_bytes,
            first_difference=self._first_difference(recorded, modelled),
            predicted=self.trace.is_predicted,
        )

    def _first_difference(self, recorded: Counter[SegmentEvent], modelled: Counter[SegmentEvent]) -> str | None:
        differences = [] if self.first_wrong is None else [self.first_wrong]
        for whose, only in (("recorded", recorded - modelled), ("modelled", modelled - recorded)):
            if only:
                done, action, address, size, _ = min(only)
                differences.append((done, f"only {whose}: {action} of {size} bytes at {address:#x}"))
        if not differences:
            return None
        index, what = min(differences)
        return f"at allocation {index}: {what}"


def _own_stream(address: int) -> int:
    """A number that no real stream has, for the stream that a block at ``address`` waits for."""
    return -address - 2**62
