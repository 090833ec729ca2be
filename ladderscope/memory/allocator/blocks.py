"""A block of a segment, and a pool of free blocks in best-fit order."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any


class Block:
    """A stretch of a segment. What :meth:`CachingAllocator.malloc` returns stays valid until it is freed.

    Attributes:
        address: where it starts.
        size: bytes it takes, at least the rounded request.
        requested_size: bytes asked for; of a free block, those of its last use.
        stream: the stream it was allocated on.
        pool: the pool it goes back to.
        allocated: whether it is in use.
        mapped: whether memory stands behind it; False only for the unused tail or a hole of an expandable segment.
        segment: the expandable segment it is part of, or None.
    """

    __slots__ = (
        "address",
        "allocated",
        "born_at_search",
        "mapped",
        "next",
        "pending_streams",
        "pool",
        "prev",
        "requested_size",
        "segment",
        "size",
        "stream",
    )

    def __init__(self, address: int, size: int, stream: int, pool: Pool, segment: Any = None) -> None:
        self.address = address
        self.size = size
        self.requested_size = 0
        self.stream = stream
        self.pool = pool
        self.allocated = False
        self.mapped = True
        self.segment = segment
        self.prev: Block | None = None
        self.next: Block | None = None
        # Streams other than its own that still use it: it is not free before they are done.
        self.pending_streams: set[int] | None = None
        # The pool's count of searches when it became free: its age, for garbage collection.
        self.born_at_search = 0

    def __repr__(self) -> str:
        state = "allocated" if self.allocated else "free" if self.mapped else "unmapped"
        return f"Block(address={self.address:#x}, size={self.size}, requested_size={self.requested_size}, {state})"

    @property
    def is_free(self) -> bool:
        """Whether it can be handed out or merged: not in use, and no other stream still at it."""
        return not self.allocated and self.pending_streams is None


# (size, address, block): addresses differ, so the block itself is never compared. Any lets (size, address) be a key.
Entry = tuple[Any, ...]


class Pool:
    """The free blocks of the small or the large pool, per stream in the order of (size, address).

    Attributes:
        is_small: whether it holds requests of up to 1 MiB.
        free: per stream, the free blocks by size, then address.
        unmapped: per stream, the stretches of expandable segments without memory behind them, by address.
        num_searches: searches so far; counted only while garbage collection is on.
    """

    __slots__ = ("free", "is_small", "num_searches", "unmapped")

    def __init__(self, is_small: bool) -> None:
        self.is_small = is_small
        self.free: dict[int, list[Entry]] = {}
        self.unmapped: dict[int, list[Entry]] = {}
        self.num_searches = 0

    def add(self, block: Block) -> None:
        """Put a free block into the pool."""
        block.born_at_search = self.num_searches
        entries = self.free.get(block.stream)
        if entries is None:
            entries = self.free[block.stream] = []
        insort(entries, (block.size, block.address, block))

    def remove(self, block: Block) -> None:
        """Take a free block out of the pool; call it before its size or address changes."""
        entries = self.free[block.stream]
        del entries[bisect_left(entries, (block.size, block.address))]

    def add_unmapped(self, block: Block) -> None:
        """Remember a stretch of address space without memory."""
        insort(self.unmapped.setdefault(block.stream, []), (block.address, block))

    def remove_unmapped(self, block: Block) -> None:
        """Forget a stretch of address space without memory; call it before its address changes."""
        entries = self.unmapped[block.stream]
        del entries[bisect_left(entries, (block.address,))]

    def blocks(self) -> list[Block]:
        """All free blocks, in the order of (stream, size, address)."""
        return [entry[2] for stream in sorted(self.free) for entry in self.free[stream]]

    def merge(self, block: Block, neighbour: Block | None) -> int:
        """Let ``block`` (in no pool) take in a free neighbour; returns the bytes taken in, 0 if it cannot."""
        if neighbour is None or not neighbour.is_free or neighbour.mapped != block.mapped:
            return 0
        if neighbour.mapped:
            entries = self.free[neighbour.stream]
            del entries[bisect_left(entries, (neighbour.size, neighbour.address))]
        else:
            self.remove_unmapped(neighbour)
        if block.prev is neighbour:
            block.address = neighbour.address
            block.prev = neighbour.prev
            if block.prev is not None:
                block.prev.next = block
        else:
            block.next = neighbour.next
            if block.next is not None:
                block.next.prev = block
        block.size += neighbour.size
        return neighbour.size


def insert_after(block: Block, new: Block) -> None:
    """Chain ``new`` behind ``block`` in its segment."""
    new.prev, new.next = block, block.next
    if new.next is not None:
        new.next.prev = new
    block.next = new
