"""Giving cached memory back to the device: on request, by age, and when the device is full."""

from __future__ import annotations

from bisect import bisect_left

from ladderscope.memory.allocator.blocks import Block, Pool
from ladderscope.memory.allocator.device import Device
from ladderscope.memory.allocator.expandable import ExpandableSegments


def _is_whole_segment(block: Block) -> bool:
    return block.segment is None and block.prev is None and block.next is None


def release_all(pool: Pool, device: Device, expandable: ExpandableSegments) -> None:
    """Give back every free segment of a pool, in the order of (stream, size, address), then free pages."""
    blocks = pool.blocks()
    for block in blocks:
        if _is_whole_segment(block):
            device.give_back_segment(block)
    for block in blocks:
        if block.segment is not None:
            expandable.unmap(block)


def release_oversize(pool: Pool, device: Device, size: int, stream: int, max_split_bytes: int | None) -> bool:
    """Give back just enough blocks that are too large to be split; whether that makes room for ``size`` bytes.

    One that is long enough by itself goes alone; otherwise they go from the largest on.
    """
    if max_split_bytes is None:
        return False
    wanted = max(size, max_split_bytes)
    entries = [entry for entry in pool.free.get(stream, []) if entry[2].segment is None]
    position = bisect_left(entries, (wanted,))
    if position < len(entries):
        device.give_back_segment(entries[position][2])
        return True
    released = 0
    for block_size, _, block in reversed(entries):
        if released >= wanted or block_size < max_split_bytes:
            break
        released += block_size
        device.give_back_segment(block)
    return released >= wanted


def collect_garbage(pool: Pool, device: Device, threshold: float) -> None:
    """Give back the oldest whole segments until less than ``threshold`` of the allowed memory is held.

    A segment's age is the number of searches of the pool since it became free. Each round gives back all that are at
    least as old as the average.
    """
    assert device.allowed_bytes is not None
    target = device.stats.reserved_bytes - int(threshold * device.allowed_bytes)
    candidates = [block for block in pool.blocks() if _is_whole_segment(block)]
    total_age = sum(pool.num_searches - block.born_at_search for block in candidates)
    while target > 0 and candidates:
        average, young = total_age / len(candidates), []
        for block in candidates:
            age = pool.num_searches - block.born_at_search
            if age < average:
                young.append(block)
                continue
            total_age -= age
            target -= block.size
            device.give_back_segment(block)
        candidates = young
