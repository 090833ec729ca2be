"""Expandable segments: address space for the whole device, into which pages are mapped as they are needed.

Source: ``ExpandableSegment``, ``find_expandable_block``, ``map_block`` and ``unmap_block`` of
``c10/cuda/CUDACachingAllocator.cpp``.
"""

from __future__ import annotations

from ladderscope.memory.allocator.blocks import Block, Pool, insert_after
from ladderscope.memory.allocator.device import Device
from ladderscope.memory.allocator.sizes import SMALL_SEGMENT_BYTES

UNKNOWN_CAPACITY_BYTES = 2**38
"""Address space is reserved for a device of this size where its capacity is not given."""


class ExpandableSegment:
    """A stretch of address space of one stream and pool, in pages of one size."""

    __slots__ = ("address", "page_bytes", "size")

    def __init__(self, address: int, size: int, page_bytes: int) -> None:
        self.address = address
        self.size = size
        self.page_bytes = page_bytes

    def pages_around(self, address: int, size: int) -> int:
        """Bytes of the whole pages that cover ``size`` bytes from ``address``, which starts a page."""
        return -(-size // self.page_bytes) * self.page_bytes

    def pages_within(self, address: int, size: int) -> tuple[int, int]:
        """First address and bytes of the whole pages that lie within ``size`` bytes from ``address``."""
        page = self.page_bytes
        first = -(-(address - self.address) // page) * page
        last = (address + size - self.address) // page * page
        return self.address + first, max(0, last - first)


class ExpandableSegments:
    """Maps and unmaps pages of the expandable segments of one device."""

    def __init__(self, device: Device, large_page_bytes: int) -> None:
        self._device = device
        self._large_page_bytes = large_page_bytes

    def allocate(self, pool: Pool, size: int, stream: int) -> Block | None:
        """A free block of at least ``size`` bytes, out of its pool, after mapping what it lacks; None if full."""
        block = self._find(pool, size, stream)
        if not block.mapped and not self._map(block, min(block.size, size)):
            return None
        while block.size < size:
            tail = block.next
            assert tail is not None
            if not self._map(tail, min(size - block.size, tail.size)):
                return None
            block = tail
        pool.remove(block)
        return block

    def _find(self, pool: Pool, size: int, stream: int) -> Block:
        """The lowest run of free and unmapped blocks with ``size`` bytes of address space."""
        for _, unmapped in pool.unmapped.get(stream, ()):
            before = unmapped.prev
            first: Block = before if before is not None and before.is_free else unmapped
            space = 0
            block: Block | None = first
            while space < size and block is not None and block.is_free:
                space += block.size
                block = block.next
            if space >= size:
                return first
        return self.reserve(pool, stream)

    def reserve(self, pool: Pool, stream: int) -> Block:
        """New address space of 9/8 of the device, all unmapped, in its pool."""
        page = SMALL_SEGMENT_BYTES if pool.is_small else self._large_page_bytes
        capacity = self._device.capacity_bytes or UNKNOWN_CAPACITY_BYTES
        size = -(-(capacity + capacity // 8) // page) * page
        address = self._device.addresses.reserve(size, stream, pool.is_small)
        block = Block(address, size, stream, pool, ExpandableSegment(address, size, page))
        block.mapped = False
        pool.add_unmapped(block)
        return block

    def _map(self, block: Block, size: int) -> bool:
        """Put pages behind the first ``size`` bytes of an unmapped block, which then is free and merged."""
        mapped_bytes = block.segment.pages_around(block.address, size)
        if not self._device.has_room(mapped_bytes):
            return False
        pool, address = block.pool, block.address
        pool.remove_unmapped(block)
        block.mapped = True
        if mapped_bytes < block.size:
            rest = Block(address + mapped_bytes, block.size - mapped_bytes, block.stream, pool, block.segment)
            rest.mapped = False
            insert_after(block, rest)
            pool.add_unmapped(rest)
            block.size = mapped_bytes
        pool.merge(block, block.prev)
        pool.merge(block, block.next)
        pool.add(block)
        self._device.stats.changed_reserved(0, mapped_bytes)
        self._device.emit("segment_map", address, mapped_bytes, block.stream)
        return True

    def unmap(self, block: Block) -> None:
        """Give back the whole pages within a free block; what is left of it at both ends stays in the pool."""
        address, size = block.segment.pages_within(block.address, block.size)
        if size == 0:
            return
        pool = block.pool
        pool.remove(block)
        end = block.address + block.size
        if address > block.address:
            head = Block(block.address, address - block.address, block.stream, pool, block.segment)
            head.prev = block.prev
            if head.prev is not None:
                head.prev.next = head
            head.next, block.prev = block, head
            pool.add(head)
        if end > address + size:
            tail = Block(address + size, end - address - size, block.stream, pool, block.segment)
            insert_after(block, tail)
            pool.add(tail)
        block.address, block.size, block.mapped = address, size, False
        pool.merge(block, block.prev)
        pool.merge(block, block.next)
        # Address space with nothing mapped at all is given back, too.
        if block.prev is not None or block.next is not None:
            pool.add_unmapped(block)
        self._device.stats.changed_reserved(0, -size)
        self._device.emit("segment_unmap", address, size, block.stream)
