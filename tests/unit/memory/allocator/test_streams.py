from __future__ import annotations

from ladderscope.memory.allocator import CachingAllocator
from ladderscope.units import MIB


def test_a_block_is_reused_on_its_own_stream_only() -> None:
    allocator = CachingAllocator()
    first = allocator.malloc(30 * MIB, stream=1)
    allocator.free(first)
    other = allocator.malloc(30 * MIB, stream=2)
    assert other.address == first.address + 30 * MIB
    assert allocator.malloc(30 * MIB, stream=1).address == first.address


def test_a_block_that_another_stream_uses_is_free_after_that_stream_is_done() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(30 * MIB)
    allocator.record_stream(block, 7)
    allocator.free(block)
    stats = allocator.stats
    assert (stats.allocated_bytes, stats.active_bytes) == (0, 30 * MIB)
    assert allocator.malloc(30 * MIB).address != block.address
    allocator.synchronize(stream=8)
    assert stats.active_bytes == 60 * MIB
    allocator.synchronize(stream=7)
    assert stats.active_bytes == 30 * MIB
    assert allocator.malloc(30 * MIB).address == block.address


def test_a_block_waits_for_all_its_streams() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(30 * MIB)
    for stream in (7, 8):
        allocator.record_stream(block, stream)
    allocator.free(block)
    allocator.synchronize(stream=7)
    assert allocator.stats.active_bytes == 30 * MIB
    allocator.synchronize()
    assert allocator.stats.active_bytes == 0


def test_the_blocks_own_stream_needs_no_waiting() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(512, stream=3)
    allocator.record_stream(block, 3)
    allocator.free(block)
    assert allocator.stats.active_bytes == 0


def test_a_waiting_block_does_not_merge() -> None:
    allocator = CachingAllocator()
    first, second = allocator.malloc(5 * MIB), allocator.malloc(15 * MIB)
    allocator.record_stream(first, 7)
    allocator.free(first)
    allocator.free(second)
    assert allocator.stats.inactive_split_bytes == 15 * MIB
    allocator.synchronize()
    assert allocator.stats.inactive_split_bytes == 0
    assert allocator.malloc(20 * MIB).address == first.address


def test_empty_cache_waits_for_streams() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(30 * MIB)
    allocator.record_stream(block, 7)
    allocator.free(block)
    allocator.empty_cache()
    assert allocator.stats.reserved_bytes == 0
