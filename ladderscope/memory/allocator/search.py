"""Best fit: which free block a request takes.

Source: ``get_free_block`` of ``c10/cuda/CUDACachingAllocator.cpp``.
"""

from __future__ import annotations

from bisect import bisect_left

from ladderscope.memory.allocator.blocks import Block, Entry, Pool
from ladderscope.memory.allocator.config import AllocatorConfig

_NOTHING: list[Entry] = []


def take_best_fit(pool: Pool, size: int, stream: int, config: AllocatorConfig) -> Block | None:
    """Take the smallest free block of at least ``size`` bytes out of its pool, and of equal ones the lowest."""
    entries = pool.free.get(stream, _NOTHING)
    position = bisect_left(entries, (size,))
    if position == len(entries):
        return None
    block: Block = entries[position][2]
    if block.segment is not None:
        position = _choose_expandable(entries, position, config.expandable_segments)
        if position == len(entries):
            return None
        block = entries[position][2]
    max_split = config.max_split_size_bytes
    if max_split is not None:
        if size < max_split <= block.size:
            return None
        if size >= max_split and block.size >= size + config.max_non_split_rounding_bytes:
            return None
    del entries[position]
    return block


def _choose_expandable(entries: list[Entry], position: int, expandable_segments: bool) -> int:
    """From a fitting expandable block on, the one that can grow least; where they are off, the next that is none."""
    if not expandable_segments:
        while position < len(entries) and entries[position][2].segment is not None:
            position += 1
        return position
    while (
        entries[position][2].segment is not None
        and position + 1 < len(entries)
        and _size_grown(entries[position + 1][2]) < _size_grown(entries[position][2])
    ):
        position += 1
    return position


def _size_grown(block: Block) -> int:
    """The size that an expandable block can reach by mapping the address space behind it."""
    behind = block.next
    return block.size + (behind.size if behind is not None and not behind.mapped else 0)
