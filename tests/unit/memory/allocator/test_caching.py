"""Where blocks go: best fit, splitting, merging, segments. Addresses are relative to the first segment."""

from __future__ import annotations

import pytest

from ladderscope.memory.allocator import AllocatorConfig, Block, CachingAllocator
from ladderscope.memory.allocator.addresses import FIRST_ADDRESS
from ladderscope.units import MIB


def offset(block: Block) -> int:
    return block.address - FIRST_ADDRESS


def test_small_requests_share_a_segment_of_2_mib() -> None:
    allocator = CachingAllocator()
    blocks = [allocator.malloc(size) for size in (1, 513, MIB)]
    assert [(offset(b), b.size, b.requested_size) for b in blocks] == [
        (0, 512, 1),
        (512, 1024, 513),
        (1536, MIB, MIB),
    ]
    assert allocator.stats.reserved_bytes == 2 * MIB
    # 1 MiB - 1536 bytes are left: one byte more than that takes a new segment.
    assert offset(allocator.malloc(MIB - 1535)) == 2 * MIB
    assert offset(allocator.malloc(MIB - 1536)) == 1536 + MIB


def test_middle_requests_share_a_segment_of_20_mib() -> None:
    allocator = CachingAllocator()
    assert offset(allocator.malloc(8 * MIB)) == 0
    assert offset(allocator.malloc(8 * MIB)) == 8 * MIB
    # 4 MiB are left.
    assert offset(allocator.malloc(5 * MIB)) == 20 * MIB
    assert allocator.stats.segment == 2


def test_a_large_request_gets_a_segment_of_its_own_size() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(11 * MIB)
    # The remainder of 1 MiB is not split off, as only more than 1 MiB is.
    assert block.size == 12 * MIB
    assert allocator.malloc(13 * MIB).size == 14 * MIB
    assert allocator.stats.reserved_bytes == 26 * MIB


def test_a_remainder_of_1_mib_stays_with_a_large_block_and_one_byte_unit_more_is_split_off() -> None:
    allocator = CachingAllocator()
    allocator.free(allocator.malloc(20 * MIB))
    unsplit = allocator.malloc(19 * MIB)
    assert unsplit.size == 20 * MIB
    allocator.free(unsplit)
    assert allocator.malloc(19 * MIB - 512).size == 19 * MIB - 512
    assert allocator.stats.inactive_split_bytes == MIB + 512


def test_a_remainder_of_512_bytes_is_split_off_in_the_small_pool() -> None:
    allocator = CachingAllocator()
    for size in (MIB, MIB - 512):
        allocator.malloc(size)
    assert allocator.stats.inactive_split_bytes == 512
    assert offset(allocator.malloc(512)) == 2 * MIB - 512
    assert allocator.stats.inactive_split_bytes == 0


def test_the_smallest_block_that_fits_is_taken_and_of_equal_ones_the_lowest() -> None:
    allocator = CachingAllocator()
    blocks = [allocator.malloc(size * MIB) for size in (30, 14, 12, 14)]
    assert [offset(b) for b in blocks] == [0, 30 * MIB, 44 * MIB, 56 * MIB]
    # The order of frees does not matter.
    for index in (3, 0, 1):
        allocator.free(blocks[index])
    assert offset(allocator.malloc(13 * MIB)) == 30 * MIB
    assert offset(allocator.malloc(13 * MIB)) == 56 * MIB
    assert offset(allocator.malloc(13 * MIB)) == 0


def test_a_freed_block_merges_with_free_neighbours_on_both_sides() -> None:
    allocator = CachingAllocator()
    first, second, third, fourth = (allocator.malloc(5 * MIB) for _ in range(4))
    allocator.free(first)
    allocator.free(third)
    assert allocator.stats.inactive_split == 2
    allocator.free(second)
    assert (allocator.stats.inactive_split, allocator.stats.inactive_split_bytes) == (1, 15 * MIB)
    # 15 MiB fit where 5 + 5 + 5 were.
    assert offset(allocator.malloc(15 * MIB)) == 0
    assert offset(fourth) == 15 * MIB
    assert allocator.stats.reserved_bytes == 20 * MIB


def test_neighbours_in_different_segments_do_not_merge() -> None:
    allocator = CachingAllocator()
    for block in [allocator.malloc(10 * MIB) for _ in range(2)]:
        allocator.free(block)
    assert offset(allocator.malloc(20 * MIB)) == 20 * MIB


def test_small_requests_do_not_use_large_segments() -> None:
    allocator = CachingAllocator()
    allocator.free(allocator.malloc(2 * MIB))
    assert offset(allocator.malloc(MIB)) == 20 * MIB
    assert offset(allocator.malloc(MIB + 1)) == 0


def test_empty_cache_gives_back_free_segments_only() -> None:
    allocator = CachingAllocator()
    kept, gone, small = allocator.malloc(5 * MIB), allocator.malloc(30 * MIB), allocator.malloc(100)
    allocator.free(gone)
    allocator.free(small)
    allocator.empty_cache()
    assert (allocator.stats.reserved_bytes, allocator.stats.segment) == (20 * MIB, 1)
    allocator.free(kept)
    allocator.empty_cache()
    assert allocator.stats.reserved_bytes == 0


def test_events_are_those_of_pytorchs_history() -> None:
    events: list[tuple[str, int, int, int]] = []
    allocator = CachingAllocator(on_event=lambda *event: events.append(event))
    large, small = allocator.malloc(1_100_000, stream=3), allocator.malloc(100)
    allocator.free(large)
    allocator.free(small)
    allocator.empty_cache()
    first, second = FIRST_ADDRESS, FIRST_ADDRESS + 20 * MIB
    assert events == [
        ("segment_alloc", first, 20 * MIB, 3),
        ("alloc", first, 1_100_000, 3),
        ("segment_alloc", second, 2 * MIB, 0),
        ("alloc", second, 100, 0),
        ("free_requested", first, 1_100_000, 3),
        ("free_completed", first, 1_100_000, 3),
        ("free_requested", second, 100, 0),
        ("free_completed", second, 100, 0),
        # Large segments go before small ones.
        ("segment_free", first, 20 * MIB, 3),
        ("segment_free", second, 2 * MIB, 0),
    ]


def test_statistics_by_the_names_of_torch() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(1000)
    allocator.free(allocator.malloc(3 * MIB))
    stats = allocator.memory_stats()
    assert stats["allocated_bytes.all.current"] == 1024
    assert stats["allocated_bytes.all.peak"] == 1024 + 3 * MIB
    assert stats["requested_bytes.all.current"] == 1000
    assert stats["reserved_bytes.all.current"] == 22 * MIB
    # The large segment is whole again, so only the rest of the small one is split.
    assert stats["inactive_split_bytes.all.current"] == 2 * MIB - 1024
    assert stats["inactive_split_bytes.all.peak"] == 2 * MIB - 1024 + 17 * MIB
    allocator.reset_peak_stats()
    assert allocator.stats.peak_allocated_bytes == 1024
    allocator.free(block)
    assert allocator.stats.allocated_bytes == allocator.stats.requested_bytes == 0


def test_power_of_two_rounding_lets_similar_sizes_share_a_block() -> None:
    allocator = CachingAllocator(AllocatorConfig.parse("roundup_power2_divisions:4"))
    block = allocator.malloc(33 * MIB)
    assert block.size == 40 * MIB
    allocator.free(block)
    assert allocator.malloc(40 * MIB).address == block.address
    assert allocator.stats.reserved_bytes == 40 * MIB


def test_misuse_is_refused() -> None:
    allocator = CachingAllocator()
    block = allocator.malloc(10)
    allocator.free(block)
    with pytest.raises(ValueError, match="not allocated"):
        allocator.free(block)
    with pytest.raises(ValueError, match="at least 1 byte"):
        allocator.malloc(0)
