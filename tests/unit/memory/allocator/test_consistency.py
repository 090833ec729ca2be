"""Random requests: whatever happens, blocks do not overlap and the statistics are sums over blocks."""

from __future__ import annotations

import random

import pytest

from ladderscope.memory.allocator import (
    AllocatorConfig,
    Block,
    CachingAllocator,
    IncreasingAddresses,
    OutOfDeviceMemory,
)
from ladderscope.memory.allocator.layout import ALLOCATED, FREE, describe, restore
from ladderscope.units import GIB, MIB

SETTINGS = [
    "",
    "expandable_segments:True",
    "max_split_size_mb:40",
    "roundup_power2_divisions:[1:4,16:2,>:0]",
    "garbage_collection_threshold:0.5,max_split_size_mb:64",
]
CAPACITY = GIB // 2


def check(allocator: CachingAllocator) -> None:
    segments = describe(allocator)
    position = 0
    for segment in segments:
        assert segment.address >= position
        position = segment.address
        for block in segment.blocks:
            assert block.address == position
            assert block.size % 512 == 0
            position += block.size
        assert position == segment.address + segment.total_size
        for before, block in zip(segment.blocks, segment.blocks[1:], strict=False):
            assert before.state != FREE or block.state != FREE
    stats = allocator.stats
    blocks = [block for segment in segments for block in segment.blocks]
    active = [block for block in blocks if block.state != FREE]
    assert stats.reserved_bytes == sum(segment.total_size for segment in segments) <= CAPACITY
    assert stats.allocated_bytes == sum(block.size for block in blocks if block.state == ALLOCATED)
    assert stats.active_bytes == sum(block.size for block in active)
    assert stats.requested_bytes == sum(block.requested_size or 0 for block in active)
    split_free = [
        block
        for segment in segments
        for block in segment.blocks
        if block.state == FREE and len(segment.blocks) > 1 and not segment.is_expandable
    ]
    assert (stats.inactive_split, stats.inactive_split_bytes) == (len(split_free), sum(b.size for b in split_free))
    assert stats.segment == sum(not segment.is_expandable for segment in segments)
    assert stats.peak_allocated_bytes >= stats.allocated_bytes
    assert stats.peak_reserved_bytes >= stats.reserved_bytes


def random_size(rng: random.Random) -> int:
    return rng.randint(1, rng.choice([2000, MIB, 12 * MIB, 60 * MIB]))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("seed", range(4))
def test_random_requests_leave_a_consistent_allocator(settings: str, seed: int) -> None:
    rng = random.Random(seed)
    allocator = CachingAllocator(AllocatorConfig.parse(settings), capacity_bytes=CAPACITY)
    if "garbage" in settings:
        allocator.set_memory_fraction(0.9)
    live: list[Block] = []
    for step in range(600):
        action = rng.random()
        if action < 0.55:
            try:
                live.append(allocator.malloc(random_size(rng), stream=rng.randrange(2)))
            except OutOfDeviceMemory:
                allocator.free(live.pop(0))
        elif action < 0.96 and live:
            block = live.pop(rng.randrange(len(live)))
            if rng.random() < 0.1:
                allocator.record_stream(block, 9)
            allocator.free(block)
        elif action < 0.98:
            allocator.synchronize()
        else:
            allocator.empty_cache()
        if step % 20 == 0:
            check(allocator)
    for block in live:
        allocator.free(block)
    allocator.empty_cache()
    check(allocator)
    stats = allocator.stats
    assert stats.allocated_bytes == stats.reserved_bytes == stats.active_bytes == stats.inactive_split_bytes == 0
    assert stats.peak_reserved_bytes > 0


@pytest.mark.parametrize("settings", [SETTINGS[0], SETTINGS[2]])
def test_a_restored_allocator_goes_on_as_the_first_one(settings: str) -> None:
    rng = random.Random(1)
    first = CachingAllocator(AllocatorConfig.parse(settings))
    live = [first.malloc(random_size(rng)) for _ in range(200)]
    for block in live[::2]:
        first.free(block)
    # Give the copy the same next address.
    end = max(segment.address + segment.total_size for segment in describe(first))
    first.device.addresses, addresses = IncreasingAddresses(end), IncreasingAddresses(end)
    second = CachingAllocator(first.config, addresses=addresses)
    restore(second, describe(first))
    for _ in range(100):
        size = random_size(rng)
        assert first.malloc(size).address == second.malloc(size).address
    check_same(first, second)


def check_same(first: CachingAllocator, second: CachingAllocator) -> None:
    assert describe(first) == describe(second)
    names = (
        "allocated_bytes",
        "reserved_bytes",
        "requested_bytes",
        "inactive_split_bytes",
        "inactive_split",
        "segment",
    )
    assert [getattr(first.stats, name) for name in names] == [getattr(second.stats, name) for name in names]
