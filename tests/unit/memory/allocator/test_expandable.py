"""Expandable segments: pages of 2 MiB (small) or 20 MiB (large), mapped where they are needed."""

from __future__ import annotations

import pytest

from ladderscope.memory.allocator import AllocatorConfig, Block, CachingAllocator, OutOfDeviceMemory
from ladderscope.memory.allocator.addresses import FIRST_ADDRESS
from ladderscope.units import MIB

EXPANDABLE = AllocatorConfig(expandable_segments=True)
Events = list[tuple[str, int, int]]


@pytest.fixture
def events() -> Events:
    """Pages mapped and unmapped: action, offset in MiB, MiB."""
    return []


@pytest.fixture
def allocator(events: Events) -> CachingAllocator:
    def note(action: str, address: int, size: int, stream: int) -> None:
        if action.startswith("segment"):
            events.append((action, (address - FIRST_ADDRESS) // MIB, size // MIB))

    return CachingAllocator(EXPANDABLE, capacity_bytes=160 * MIB, on_event=note)


def offset(block: Block) -> float:
    return (block.address - FIRST_ADDRESS) / MIB


def test_a_segment_grows_by_pages_and_blocks_tile_it(allocator: CachingAllocator, events: Events) -> None:
    blocks = [allocator.malloc(size * MIB) for size in (3, 20, 30)]
    assert [(offset(b), b.size // MIB) for b in blocks] == [(0, 3), (3, 20), (23, 30)]
    assert events == [("segment_map", 0, 20), ("segment_map", 20, 20), ("segment_map", 40, 20)]
    assert allocator.stats.reserved_bytes == 60 * MIB


def test_small_blocks_have_their_own_segment_with_pages_of_2_mib(allocator: CachingAllocator, events: Events) -> None:
    allocator.malloc(3 * MIB)
    small = allocator.malloc(100)
    # The large one has address space for 9/8 of the device, in whole pages.
    assert offset(small) == 180
    assert events[-1] == ("segment_map", 180, 2)


def test_a_remainder_of_512_bytes_is_split_off_large_blocks_too(allocator: CachingAllocator) -> None:
    assert allocator.malloc(20 * MIB - 512).size == 20 * MIB - 512
    assert offset(allocator.malloc(2 * MIB)) == 20 - 512 / MIB


def test_they_are_no_segments_and_no_split_blocks_in_the_statistics(allocator: CachingAllocator) -> None:
    allocator.malloc(3 * MIB)
    assert (allocator.stats.segment, allocator.stats.inactive_split, allocator.stats.inactive_split_bytes) == (0, 0, 0)


def test_best_fit_prefers_the_block_that_cannot_grow(allocator: CachingAllocator) -> None:
    first, _ = allocator.malloc(5 * MIB), allocator.malloc(11 * MIB)
    allocator.free(first)
    # Free are 5 MiB in front, and 4 MiB at the end that could grow: those are the larger ones.
    assert offset(allocator.malloc(3 * MIB)) == 0


def test_empty_cache_unmaps_whole_free_pages_only(allocator: CachingAllocator, events: Events) -> None:
    allocator.malloc(3 * MIB)
    gone = allocator.malloc(37 * MIB)
    allocator.free(gone)
    events.clear()
    allocator.empty_cache()
    assert events == [("segment_unmap", 20, 20)]
    assert allocator.stats.reserved_bytes == 20 * MIB
    # The rest of the first page is still there: 17 MiB.
    assert offset(allocator.malloc(17 * MIB)) == 3
    assert len(events) == 1


def test_a_hole_is_mapped_again_before_the_end_grows(allocator: CachingAllocator, events: Events) -> None:
    blocks = [allocator.malloc(20 * MIB) for _ in range(3)]
    allocator.free(blocks[1])
    allocator.empty_cache()
    events.clear()
    assert offset(allocator.malloc(2 * MIB)) == 20
    assert events == [("segment_map", 20, 20)]


def test_when_all_is_unmapped_the_address_space_is_given_up(allocator: CachingAllocator) -> None:
    allocator.free(allocator.malloc(30 * MIB))
    allocator.empty_cache()
    assert allocator.stats.reserved_bytes == 0
    assert offset(allocator.malloc(30 * MIB)) == 180


def test_a_full_device_unmaps_pages_of_the_other_pool_and_tries_again(
    allocator: CachingAllocator, events: Events
) -> None:
    for block in [allocator.malloc(MIB) for _ in range(20)]:
        allocator.free(block)
    events.clear()
    # 20 MiB are mapped for small blocks, so 140 are left for large ones.
    allocator.malloc(150 * MIB)
    assert events == [("segment_unmap", 0, 20), ("segment_map", 180, 160)]
    assert allocator.stats.num_alloc_retries == 1


def test_out_of_memory_when_no_page_is_left(allocator: CachingAllocator) -> None:
    allocator.malloc(150 * MIB)
    with pytest.raises(OutOfDeviceMemory) as caught:
        allocator.malloc(11 * MIB)
    assert caught.value.free_bytes == 0
    assert caught.value.reserved_bytes - caught.value.allocated_bytes == 10 * MIB
    assert offset(allocator.malloc(10 * MIB)) == 150


def test_each_stream_has_its_own_segment(allocator: CachingAllocator, events: Events) -> None:
    allocator.malloc(5 * MIB, stream=1)
    allocator.malloc(5 * MIB, stream=2)
    assert events == [("segment_map", 0, 20), ("segment_map", 180, 20)]
