"""The allocator's state when recording started, found by walking the history backwards from its end.

The history has the bytes requested. A block of the large pool may be up to 1 MiB longer, as a remainder that small is
not split off. Blocks that live at the end are listed with their true size; what a block from before the recording took
that was freed during it follows from its neighbours:

* no block of the large pool is as short as 1 MiB, so a gap that short behind a block is its remainder;
* a longer gap is free memory from the block's true end on, and the first allocation placed there starts at that end.

Where nothing was placed behind a block while it lived, its end stays open: it is taken to have no remainder until the
record shows that the free memory behind it was too short for a request (``replay`` then sets a remainder).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from ladderscope.errors import UsageError
from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.layout import ALLOCATED, FREE, BlockLayout, SegmentLayout
from ladderscope.memory.allocator.sizes import SMALL_BYTES, SMALL_SEGMENT_BYTES, round_size
from ladderscope.memory.replay.expandable import MappedPages
from ladderscope.memory.replay.trace import Trace, TraceEvent


@dataclass(slots=True)
class _Live:
    """A block in use: bytes requested, its true size where it is known, and the event that frees it (or None)."""

    requested_size: int
    size: int | None = None
    freed_by: int | None = None


@dataclass(slots=True)
class _Segment:
    size: int
    stream: int
    is_small: bool
    is_expandable: bool = False


@dataclass(frozen=True)
class Start:
    """What the allocator held before the first event.

    Attributes:
        segments: by address.
        open_ends: blocks whose true size stays open, by the address where they are taken to end.
    """

    segments: list[SegmentLayout]
    open_ends: dict[int, int]


def state_at_start(trace: Trace, remainders: Mapping[int, int]) -> Start:
    """The segments and blocks that the allocator held before the first event.

    Args:
        trace: the history.
        remainders: for blocks (by address) whose end is open, the bytes that they are longer than asked for.

    Raises:
        UsageError: events and final segments contradict each other, so the history is not whole.
    """
    live, segments = _walk_back(trace)
    addresses = sorted(segments)
    blocks_of: dict[int, list[int]] = {address: [] for address in addresses}
    for address in sorted(live):
        position = bisect_right(addresses, address) - 1
        if position < 0 or address >= addresses[position] + segments[addresses[position]].size:
            raise UsageError(f"{trace.name}: a block at {address:#x} lies in no segment, so the history is not whole.")
        blocks_of[addresses[position]].append(address)
    open_blocks = _settle_sizes(trace, live, segments, blocks_of)
    open_ends = {}
    for address in open_blocks:
        block = live[address]
        assert block.size is not None
        block.size += remainders.get(address, 0)
        open_ends[address + block.size] = address
    layouts = [_layout(address, segments[address], blocks_of[address], live, trace.name) for address in addresses]
    return Start(layouts, open_ends)


def _walk_back(trace: Trace) -> tuple[dict[int, _Live], dict[int, _Segment]]:
    live = {
        block.address: _Live(block.requested_size or 0, block.size)
        for segment in trace.final_segments
        for block in segment.blocks
        if block.state != FREE
    }
    segments = {
        segment.address: _Segment(segment.total_size, segment.stream, segment.is_small)
        for segment in trace.final_segments
        if not segment.is_expandable
    }
    mapped = MappedPages(trace)
    for index in range(len(trace.events) - 1, -1, -1):
        action, address, size, stream = trace.events[index]
        if action == "alloc":
            if live.pop(address, None) is None or size <= 0:
                raise _contradiction(trace, index)
        elif action == "free_requested":
            if address not in live:
                raise _contradiction(trace, index)
        elif action == "free_completed":
            if address in live:
                raise _contradiction(trace, index)
            live[address] = _Live(size, freed_by=index)
        elif action == "segment_alloc":
            if segments.pop(address, None) is None:
                raise _contradiction(trace, index)
        elif action == "segment_free":
            segments[address] = _Segment(size, stream, is_small=size == SMALL_SEGMENT_BYTES)
        elif action == "segment_map":
            mapped.remove(address, size)
        elif action == "segment_unmap":
            mapped.add(address, size)
    for address, size, (stream, is_small) in mapped.stretches():
        segments[address] = _Segment(size, stream, is_small, is_expandable=True)
    return live, segments


def _contradiction(trace: Trace, index: int) -> UsageError:
    event = trace.events[index]
    return UsageError(
        f"{trace.name}: event {index} ({event.action} at {event.address:#x}) does not fit the segments at the end: "
        "the history is not whole."
    )


def _settle_sizes(
    trace: Trace, live: dict[int, _Live], segments: dict[int, _Segment], blocks_of: dict[int, list[int]]
) -> list[int]:
    """Give every live block its size; returns the blocks whose true size stays open."""
    open_ends: dict[int, int] = {}
    for segment_address, addresses in blocks_of.items():
        segment = segments[segment_address]
        end = segment_address + segment.size
        for address, limit in zip(addresses, [*addresses[1:], end], strict=False):
            block = live[address]
            if block.size is not None:
                continue
            block.size = round_size(block.requested_size, trace.config.roundup_power2_divisions)
            gap = limit - address - block.size
            if segment.is_small or segment.is_expandable:
                continue
            if gap <= SMALL_BYTES or _never_split(block.size, trace.config):
                block.size += gap
            else:
                open_ends[address + block.size] = address
    return _settle_open_ends(trace.events, live, open_ends)


def _never_split(size: int, config: AllocatorConfig) -> bool:
    return config.max_split_size_bytes is not None and size >= config.max_split_size_bytes


def _settle_open_ends(events: list[TraceEvent], live: dict[int, _Live], open_ends: dict[int, int]) -> list[int]:
    """The first allocation within 1 MiB behind a block that still lives starts at its true end."""
    ends = sorted(open_ends)
    for index, event in enumerate(events):
        if event.action != "alloc":
            continue
        position = bisect_right(ends, event.address) - 1
        if position < 0 or event.address - ends[position] > SMALL_BYTES:
            continue
        block = live[open_ends[ends[position]]]
        assert block.size is not None
        # Later ones say nothing, as what was free behind it has merged with it.
        if block.freed_by is not None and index < block.freed_by:
            block.size += event.address - ends[position]
            del open_ends[ends[position]]
        del ends[position]
    return list(open_ends.values())


def _layout(start: int, segment: _Segment, addresses: list[int], live: dict[int, _Live], name: str) -> SegmentLayout:
    blocks: list[BlockLayout] = []
    position = start
    for address in addresses:
        block = live[address]
        assert block.size is not None
        if address < position:
            raise UsageError(f"{name}: blocks overlap at {address:#x}, so the history is not whole.")
        if address > position:
            blocks.append(BlockLayout(position, address - position, None, FREE))
        blocks.append(BlockLayout(address, block.size, block.requested_size, ALLOCATED))
        position = address + block.size
    if position > start + segment.size:
        raise UsageError(f"{name}: a block reaches out of its segment at {start:#x}, so the history is not whole.")
    if position < start + segment.size:
        blocks.append(BlockLayout(position, start + segment.size - position, None, FREE))
    return SegmentLayout(start, segment.size, segment.stream, segment.is_small, tuple(blocks), segment.is_expandable)
