"""What lies where: the segments of an allocator and their blocks, as data, out of an allocator and back into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ladderscope.memory.allocator.blocks import Block, Pool
from ladderscope.memory.allocator.caching import CachingAllocator

ALLOCATED, AWAITING_FREE, FREE = "active_allocated", "active_awaiting_free", "inactive"
"""States of a block, as PyTorch's snapshots name them."""


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """A block: where it is, bytes it takes, bytes asked for (None for a free block) and its state."""

    address: int
    size: int
    requested_size: int | None
    state: str


@dataclass(frozen=True, slots=True)
class SegmentLayout:
    """A segment, or a mapped stretch of an expandable one, and its blocks from the first address to the last."""

    address: int
    total_size: int
    stream: int
    is_small: bool
    blocks: tuple[BlockLayout, ...]
    is_expandable: bool = False


def describe(allocator: CachingAllocator) -> list[SegmentLayout]:
    """The segments that ``allocator`` holds, by address."""
    blocks = [*allocator.small.blocks(), *allocator.large.blocks(), *allocator.active.values()]
    heads = [block for block in blocks if block.prev is None or not block.prev.mapped]
    return [_segment_from(head) for head in sorted(heads, key=lambda block: block.address)]


def _segment_from(head: Block) -> SegmentLayout:
    layouts: list[BlockLayout] = []
    block: Block | None = head
    while block is not None and block.mapped:
        state = ALLOCATED if block.allocated else FREE if block.is_free else AWAITING_FREE
        requested = None if state == FREE else block.requested_size
        layouts.append(BlockLayout(block.address, block.size, requested, state))
        block = block.next
    size = sum(layout.size for layout in layouts)
    return SegmentLayout(head.address, size, head.stream, head.pool.is_small, tuple(layouts), head.segment is not None)


def restore(allocator: CachingAllocator, segments: Iterable[SegmentLayout]) -> None:
    """Put ``segments`` into a fresh allocator; statistics and peaks then start from them.

    Blocks that await their free are put in as allocated ones. The allocator's address policy must give expandable
    segments address space that starts at or below what is mapped.
    """
    expandable: dict[tuple[int, bool], list[SegmentLayout]] = {}
    for segment in segments:
        if segment.is_expandable:
            expandable.setdefault((segment.stream, segment.is_small), []).append(segment)
            continue
        pool = allocator.small if segment.is_small else allocator.large
        _chain(allocator, [_block(layout, segment.stream, pool) for layout in segment.blocks])
        allocator.stats.changed_reserved(1, segment.total_size)
    for (stream, is_small), stretches in expandable.items():
        _restore_expandable(allocator, stream, is_small, sorted(stretches, key=lambda s: s.address))
    allocator.reset_peak_stats()


def _block(layout: BlockLayout, stream: int, pool: Pool) -> Block:
    block = Block(layout.address, layout.size, stream, pool)
    if layout.state != FREE:
        block.allocated = True
        block.requested_size = layout.requested_size or 0
    return block


def _chain(allocator: CachingAllocator, blocks: Sequence[Block]) -> None:
    """Link the blocks of one segment and put each where it belongs."""
    stats = allocator.stats
    for before, block in pairwise(blocks):
        before.next, block.prev = block, before
    for block in blocks:
        if block.allocated:
            allocator.active[block.address] = block
            stats.took_block(block.size, block.requested_size)
        elif not block.mapped:
            block.pool.add_unmapped(block)
        else:
            block.pool.add(block)
            if block.segment is None and len(blocks) > 1:
                stats.changed_split(1, block.size)


def _restore_expandable(
    allocator: CachingAllocator, stream: int, is_small: bool, stretches: list[SegmentLayout]
) -> None:
    """One expandable segment from its mapped stretches; what lies between and behind them is unmapped."""
    pool = allocator.small if is_small else allocator.large
    space = allocator.expandable.reserve(pool, stream)
    pool.remove_unmapped(space)
    position, end = space.address, space.address + space.size
    assert position <= stretches[0].address
    blocks: list[Block] = []
    for stretch in stretches:
        if stretch.address > position:
            blocks.append(_unmapped(position, stretch.address, space))
        blocks += [_block(layout, stream, pool) for layout in stretch.blocks]
        position = stretch.address + stretch.total_size
        allocator.stats.changed_reserved(0, stretch.total_size)
    if position < end:
        blocks.append(_unmapped(position, end, space))
    for block in blocks:
        block.segment = space.segment
    _chain(allocator, blocks)


def _unmapped(start: int, end: int, space: Block) -> Block:
    block = Block(start, end - start, space.stream, space.pool)
    block.mapped = False
    return block
