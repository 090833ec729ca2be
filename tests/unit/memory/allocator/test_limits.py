"""What happens near the end of the device's memory, and with blocks that are too large to be split."""

from __future__ import annotations

import pytest

from ladderscope.memory.allocator import AllocatorConfig, CachingAllocator, OutOfDeviceMemory
from ladderscope.units import MIB

Events = list[tuple[str, int]]


def recorded(allocator: CachingAllocator) -> Events:
    """Segments taken and given back from now on, in MiB."""
    events: Events = []

    def note(action: str, address: int, size: int, stream: int) -> None:
        if action.startswith("segment"):
            events.append((action, size // MIB))

    allocator.device.on_event = note
    return events


def with_free(allocator: CachingAllocator, *sizes_mib: int) -> None:
    """Leave free segments of these sizes in the cache."""
    for block in [allocator.malloc(size * MIB) for size in sizes_mib]:
        allocator.free(block)


def test_a_full_device_gives_back_all_free_segments_by_size_and_tries_again() -> None:
    allocator = CachingAllocator(capacity_bytes=100 * MIB)
    kept = allocator.malloc(20 * MIB)
    with_free(allocator, 40, 30)
    events = recorded(allocator)
    allocator.malloc(50 * MIB)
    assert events == [("segment_free", 30), ("segment_free", 40), ("segment_alloc", 50)]
    assert (allocator.stats.num_alloc_retries, allocator.stats.num_ooms) == (1, 0)
    assert kept.allocated


def test_out_of_memory_says_how_much_there_was() -> None:
    allocator = CachingAllocator(capacity_bytes=50 * MIB)
    allocator.malloc(19 * MIB)
    events: list[tuple[str, int, int, int]] = []
    allocator.device.on_event = lambda *event: events.append(event)
    with pytest.raises(OutOfDeviceMemory, match="40 MiB requested, 30 MiB free, 20 MiB allocated") as caught:
        allocator.malloc(40 * MIB - 100)
    error = caught.value
    assert error.requested_bytes == 40 * MIB - 100
    assert (error.free_bytes, error.allocated_bytes, error.reserved_bytes) == (30 * MIB, 20 * MIB, 20 * MIB)
    assert events == [("oom", 30 * MIB, 40 * MIB, 0)]
    assert (allocator.stats.num_alloc_retries, allocator.stats.num_ooms) == (1, 1)
    # The allocator goes on working.
    assert allocator.malloc(30 * MIB).size == 30 * MIB


def test_memory_split_with_a_block_in_use_is_not_given_back() -> None:
    allocator = CachingAllocator(capacity_bytes=40 * MIB)
    kept, gone = allocator.malloc(2 * MIB), allocator.malloc(8 * MIB)
    allocator.free(gone)
    with pytest.raises(OutOfDeviceMemory):
        allocator.malloc(30 * MIB)
    assert allocator.stats.reserved_bytes == 20 * MIB
    assert kept.allocated


def test_blocks_that_wait_for_a_stream_are_waited_for_before_giving_up() -> None:
    allocator = CachingAllocator(capacity_bytes=40 * MIB)
    block = allocator.malloc(30 * MIB)
    allocator.record_stream(block, 7)
    allocator.free(block)
    assert allocator.malloc(35 * MIB).size == 36 * MIB


def test_a_memory_fraction_is_a_limit() -> None:
    allocator = CachingAllocator(capacity_bytes=100 * MIB)
    allocator.set_memory_fraction(0.5)
    allocator.malloc(50 * MIB)
    with pytest.raises(OutOfDeviceMemory):
        allocator.malloc(512)


def test_the_fraction_can_come_from_the_settings() -> None:
    config = AllocatorConfig.parse("per_process_memory_fraction:0.5")
    with pytest.raises(OutOfDeviceMemory):
        CachingAllocator(config, capacity_bytes=100 * MIB).malloc(52 * MIB)


def test_a_fraction_needs_a_capacity() -> None:
    with pytest.raises(ValueError, match="needs an allocator with capacity_bytes"):
        CachingAllocator().set_memory_fraction(0.5)


MAX_SPLIT_20 = AllocatorConfig.parse("max_split_size_mb:20")


def test_a_request_below_max_split_size_does_not_take_a_block_from_there_on() -> None:
    allocator = CachingAllocator(MAX_SPLIT_20)
    with_free(allocator, 20)
    events = recorded(allocator)
    allocator.malloc(12 * MIB)
    assert events == [("segment_alloc", 12)]


@pytest.mark.parametrize(("free", "size"), [(44, 44), (46, 26)])
def test_a_request_above_takes_a_whole_block_that_is_less_than_20_mib_longer(free: int, size: int) -> None:
    allocator = CachingAllocator(MAX_SPLIT_20)
    with_free(allocator, free)
    assert allocator.malloc(26 * MIB).size == size * MIB


def test_oversize_blocks_are_given_back_first_from_the_largest_and_no_more_than_needed() -> None:
    allocator = CachingAllocator(MAX_SPLIT_20, capacity_bytes=120 * MIB)
    with_free(allocator, 24, 30, 40)
    with_free(allocator, 12)
    events = recorded(allocator)
    allocator.malloc(64 * MIB)
    assert events == [("segment_free", 40), ("segment_free", 30), ("segment_alloc", 64)]
    assert allocator.stats.num_alloc_retries == 0


def test_one_oversize_block_that_is_long_enough_goes_alone() -> None:
    allocator = CachingAllocator(MAX_SPLIT_20, capacity_bytes=140 * MIB)
    with_free(allocator, 60, 70)
    events = recorded(allocator)
    allocator.malloc(26 * MIB)
    assert events == [("segment_free", 60), ("segment_alloc", 26)]


def test_too_few_oversize_blocks_are_given_back_and_then_everything() -> None:
    allocator = CachingAllocator(MAX_SPLIT_20, capacity_bytes=100 * MIB)
    with_free(allocator, 60, 12)
    events = recorded(allocator)
    allocator.malloc(90 * MIB)
    assert events == [("segment_free", 60), ("segment_free", 12), ("segment_alloc", 90)]
    assert allocator.stats.num_alloc_retries == 1


def test_garbage_collection_gives_back_the_segments_that_are_older_than_average() -> None:
    config = AllocatorConfig.parse("garbage_collection_threshold:0.7")
    allocator = CachingAllocator(config, capacity_bytes=110 * MIB)
    allocator.set_memory_fraction(100 / 110)
    old, young = allocator.malloc(30 * MIB), allocator.malloc(22 * MIB)
    allocator.free(old)  # after 2 searches of the large pool
    allocator.malloc(12 * MIB, stream=1)
    allocator.free(young)  # after 3
    allocator.malloc(12 * MIB, stream=1)
    events = recorded(allocator)
    # 76 of at most 70 MiB are held at the fifth search; ages are 3 and 2.
    allocator.malloc(32 * MIB)
    assert events == [("segment_free", 30), ("segment_alloc", 32)]


def test_garbage_collection_waits_for_its_threshold() -> None:
    allocator = CachingAllocator(AllocatorConfig.parse("garbage_collection_threshold:0.7"), capacity_bytes=100 * MIB)
    allocator.set_memory_fraction(1.0)
    with_free(allocator, 30, 40)
    events = recorded(allocator)
    allocator.malloc(20 * MIB, stream=1)
    assert events == [("segment_alloc", 20)]


def test_without_a_fraction_there_is_no_garbage_collection() -> None:
    allocator = CachingAllocator(AllocatorConfig.parse("garbage_collection_threshold:0.1"), capacity_bytes=100 * MIB)
    with_free(allocator, 30, 40)
    events = recorded(allocator)
    allocator.malloc(20 * MIB, stream=1)
    assert events == [("segment_alloc", 20)]
