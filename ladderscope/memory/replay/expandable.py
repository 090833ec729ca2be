"""What a history says about expandable segments: which pages are whose, and where each segment's address space starts.

A history has the stretches that were mapped and unmapped, and not the address space that they are part of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ladderscope.memory.allocator.layout import SegmentLayout
from ladderscope.memory.allocator.sizes import SMALL_BYTES, round_size
from ladderscope.memory.replay.trace import Trace, TraceEvent

PAGE_BYTES = 2 * 2**20
"""Stretches are multiples of this, in both pools."""

SAME_SPACE_BYTES = 2**33
"""Pages this near each other belong to one address space, as each is larger than a whole device."""

Owner = tuple[int, bool]
"""(stream, is_small): one expandable segment at a time."""


class MappedPages:
    """The pages of expandable segments that are mapped, while the history is walked."""

    def __init__(self, trace: Trace) -> None:
        self._owner_of = _owners(trace)
        self._mapped: set[int] = set()
        for segment in trace.final_segments:
            if segment.is_expandable:
                self.add(segment.address, segment.total_size)

    def add(self, address: int, size: int) -> None:
        """These bytes are mapped."""
        self._mapped.update(_pages(address, size))

    def remove(self, address: int, size: int) -> None:
        """These bytes are not mapped."""
        self._mapped.difference_update(_pages(address, size))

    def stretches(self) -> list[tuple[int, int, Owner]]:
        """(address, size, owner) of every mapped stretch, by address."""
        found: list[tuple[int, int, Owner]] = []
        for page in sorted(self._mapped):
            owner = self._owner_of[page]
            if found and sum(found[-1][:2]) == page and found[-1][2] == owner:
                found[-1] = (found[-1][0], found[-1][1] + PAGE_BYTES, owner)
            else:
                found.append((page, PAGE_BYTES, owner))
        return found


def _pages(address: int, size: int) -> range:
    return range(address, address + size, PAGE_BYTES)


def _owners(trace: Trace) -> dict[int, Owner]:
    """The owner of every page that a history names."""
    owner_of = {
        page: (segment.stream, segment.is_small)
        for segment in trace.final_segments
        if segment.is_expandable
        for page in _pages(segment.address, segment.total_size)
    }
    for (address, size), owner in _mapped_for(trace):
        owner_of.update(dict.fromkeys(_pages(address, size), owner))
    unmapped = [event for event in trace.events if event.action == "segment_unmap"]
    if any(event.address not in owner_of for event in unmapped):
        owner_of |= _mapped_before(trace, unmapped, owner_of)
    return owner_of


def _mapped_before(trace: Trace, unmapped: list[TraceEvent], owner_of: dict[int, Owner]) -> dict[int, Owner]:
    """Owners of pages mapped before the recording and unmapped during it, from what lies nearest in address space."""
    nearby = dict(owner_of)
    for event in trace.events:
        if event.action in ("alloc", "free_completed"):
            nearby[event.address // PAGE_BYTES * PAGE_BYTES] = (event.stream, _is_small(trace, event.size))
    found: dict[int, Owner] = {}
    for event in unmapped:
        known = [page for page, owner in nearby.items() if owner[0] == event.stream]
        nearest = min(known, key=lambda page: abs(page - event.address), default=None)
        if nearest is None or abs(nearest - event.address) > SAME_SPACE_BYTES:
            owner = event.stream, event.size % trace.config.large_segment_size_bytes != 0
        else:
            owner = nearby[nearest]
        found.update((page, owner) for page in _pages(event.address, event.size) if page not in owner_of)
    return found


def _is_small(trace: Trace, size: int) -> bool:
    return round_size(size, trace.config.roundup_power2_divisions) <= SMALL_BYTES


def _mapped_for(trace: Trace) -> list[tuple[tuple[int, int], Owner]]:
    """((address, size), owner) of every stretch that was mapped, in order: its pool is that of the next allocation."""
    found: list[tuple[tuple[int, int], Owner]] = []
    is_small = False
    for event in reversed(trace.events):
        if event.action == "alloc":
            is_small = _is_small(trace, event.size)
        elif event.action == "segment_map":
            found.append(((event.address, event.size), (event.stream, is_small)))
    return found[::-1]


def space_starts(trace: Trace, start: Iterable[SegmentLayout]) -> dict[Owner, deque[int]]:
    """Where the address space of each owner's expandable segments starts: the one at the start first, then new ones.

    An expandable segment is given up when nothing of it is mapped any more, and a new one is mapped from its first
    page on; so the lowest page that was mapped from one such moment to the next is its start.
    """
    mapped: dict[Owner, set[int]] = {}
    starts: dict[Owner, deque[int]] = {}
    for segment in start:
        if segment.is_expandable:
            owner = segment.stream, segment.is_small
            pages = mapped.setdefault(owner, set())
            pages.update(_pages(segment.address, segment.total_size))
            starts[owner] = deque([min(pages)])
    owner_of = {page: owner for owner, pages in mapped.items() for page in pages}
    maps = deque(_mapped_for(trace))
    for event in trace.events:
        if event.action == "segment_map":
            _, owner = maps.popleft()
            pages, known = mapped.setdefault(owner, set()), starts.setdefault(owner, deque())
            if pages:
                known[-1] = min(known[-1], event.address)
            else:
                known.append(event.address)
            pages.update(_pages(event.address, event.size))
            owner_of.update(dict.fromkeys(_pages(event.address, event.size), owner))
        elif event.action == "segment_unmap" and event.address in owner_of:
            mapped[owner_of[event.address]].difference_update(_pages(event.address, event.size))
    return starts
