"""PyTorch's CUDA caching allocator: the same requests give the same addresses, segments and statistics.

The rules are those of ``DeviceCachingAllocator`` in ``c10/cuda/CUDACachingAllocator.cpp``, read as of 2025, with the
settings and statistics of torch 2.13; without private pools (CUDA graphs, ``MemPool``). ``ladderscope replay``
compares them with recorded runs.
"""

from __future__ import annotations

from ladderscope.memory.allocator.addresses import AddressPolicy, IncreasingAddresses
from ladderscope.memory.allocator.blocks import Block, Pool
from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.device import Device, Listener
from ladderscope.memory.allocator.errors import OutOfDeviceMemory
from ladderscope.memory.allocator.expandable import ExpandableSegments
from ladderscope.memory.allocator.release import collect_garbage, release_all, release_oversize
from ladderscope.memory.allocator.search import take_best_fit
from ladderscope.memory.allocator.sizes import MIN_BLOCK_BYTES, SMALL_BYTES, round_size, segment_size
from ladderscope.memory.allocator.stats import AllocatorStats


class CachingAllocator:
    """The caching allocator of one device.

    Args:
        config: settings, as ``PYTORCH_ALLOC_CONF`` has them.
        capacity_bytes: memory of the device for the allocator; None never runs out.
        addresses: where new segments lie; by default at increasing addresses.
        on_event: called with (action, address, size, stream) in the order of PyTorch's memory history: ``alloc``,
            ``free_requested``, ``free_completed``, ``segment_alloc``, ``segment_free``, ``segment_map``,
            ``segment_unmap``, ``oom`` (address: bytes free).

    Attributes:
        stats: the statistics, current and peak.
        small, large: the pools of free blocks.
        active: the blocks in use, or waiting for other streams, by address.
    """

    def __init__(
        self,
        config: AllocatorConfig | None = None,
        capacity_bytes: int | None = None,
        addresses: AddressPolicy | None = None,
        on_event: Listener | None = None,
    ) -> None:
        self.config = config or AllocatorConfig()
        self.device = Device(addresses or IncreasingAddresses(), capacity_bytes, on_event)
        self.stats: AllocatorStats = self.device.stats
        self.small = Pool(is_small=True)
        self.large = Pool(is_small=False)
        self.active: dict[int, Block] = {}
        self.expandable = ExpandableSegments(self.device, self.config.large_segment_size_bytes)
        self._waiting: list[Block] = []
        self._counts_age = False
        self._rounds_to_power2 = any(self.config.roundup_power2_divisions)
        if self.config.per_process_memory_fraction < 1 and capacity_bytes is not None:
            self.set_memory_fraction(self.config.per_process_memory_fraction)

    def malloc(self, size: int, stream: int = 0) -> Block:
        """Allocate ``size`` bytes, at least 1, on ``stream``.

        Raises:
            OutOfDeviceMemory: the device is full, even after all cached memory is given back.
        """
        if size <= 0:
            raise ValueError(f"an allocation has at least 1 byte, not {size}.")
        if self._rounds_to_power2:
            rounded = round_size(size, self.config.roundup_power2_divisions)
        else:
            rounded = (size + MIN_BLOCK_BYTES - 1) // MIN_BLOCK_BYTES * MIN_BLOCK_BYTES
        pool = self.small if rounded <= SMALL_BYTES else self.large
        if self._counts_age:
            pool.num_searches += 1
        block = take_best_fit(pool, rounded, stream, self.config) or self._grow(pool, rounded, size, stream)
        block = self._split(block, rounded)
        block.allocated = True
        block.requested_size = size
        self.active[block.address] = block
        self.stats.took_block(block.size, size)
        if self.device.on_event is not None:
            self.device.on_event("alloc", block.address, size, stream)
        return block

    def free(self, block: Block) -> None:
        """Free a block of :meth:`malloc`; one that other streams use stays active until :meth:`synchronize`."""
        if not block.allocated:
            raise ValueError(f"{block!r} is not allocated: it was freed before, or is no block of this allocator.")
        block.allocated = False
        stats = self.stats
        stats.allocation -= 1
        stats.allocated_bytes -= block.size
        if self.device.on_event is not None:
            self.device.on_event("free_requested", block.address, block.requested_size, block.stream)
        if block.pending_streams is None:
            self._complete_free(block)
        else:
            self._waiting.append(block)

    def record_stream(self, block: Block, stream: int) -> None:
        """Note that ``stream`` uses the block, too: once freed, it is reused only after :meth:`synchronize`."""
        if not block.allocated:
            raise ValueError(f"{block!r} is not allocated, so no stream can use it.")
        if stream != block.stream:
            block.pending_streams = (block.pending_streams or set()) | {stream}

    def synchronize(self, stream: int | None = None) -> None:
        """Let ``stream`` (all, if None) be done: freed blocks that waited for it alone return to their pools."""
        still_waiting = []
        for block in self._waiting:
            pending = block.pending_streams or set()
            block.pending_streams = None if stream is None else pending - {stream} or None
            if block.pending_streams is None:
                self._complete_free(block)
            else:
                still_waiting.append(block)
        self._waiting = still_waiting

    def empty_cache(self) -> None:
        """Give every free segment back to the device, as ``torch.cuda.empty_cache`` does."""
        self.synchronize()
        release_all(self.large, self.device, self.expandable)
        release_all(self.small, self.device, self.expandable)

    def set_memory_fraction(self, fraction: float) -> None:
        """Allow this share of the device; garbage collection works only with a fraction set."""
        if not 0 <= fraction <= 1:
            raise ValueError(f"a memory fraction lies between 0 and 1, not at {fraction}.")
        if self.device.capacity_bytes is None:
            raise ValueError("a memory fraction needs an allocator with capacity_bytes.")
        self.device.allowed_bytes = int(fraction * self.device.capacity_bytes)
        self._counts_age = self.config.garbage_collection_threshold > 0

    def reset_peak_stats(self) -> None:
        """Let every peak start again from the current value."""
        self.stats.reset_peaks()

    def memory_stats(self) -> dict[str, int]:
        """The statistics under the names of ``torch.cuda.memory_stats``, e.g. ``'reserved_bytes.all.peak'``."""
        return self.stats.as_dict()

    def _grow(self, pool: Pool, rounded: int, size: int, stream: int) -> Block:
        """A block from new memory; where there is none, from memory given back, in PyTorch's order."""
        config, device = self.config, self.device
        if self._counts_age:
            self._collect_garbage()
        block = self._new_block(pool, rounded, stream)
        if block is None and release_oversize(pool, device, rounded, stream, config.max_split_size_bytes):
            block = self._new_block(pool, rounded, stream)
        if block is None:
            self.empty_cache()
            self.stats.num_alloc_retries += 1
            block = self._new_block(pool, rounded, stream)
        if block is None:
            self.stats.num_ooms += 1
            free = device.free_bytes or 0
            device.emit("oom", free, rounded, stream)
            raise OutOfDeviceMemory(size, free, self.stats.allocated_bytes, self.stats.reserved_bytes)
        return block

    def _collect_garbage(self) -> None:
        collect_garbage(self.large, self.device, self.config.garbage_collection_threshold)

    def _new_block(self, pool: Pool, rounded: int, stream: int) -> Block | None:
        num_bytes = segment_size(rounded, self.config.large_segment_size_bytes)
        if not self.device.allows(num_bytes):
            return None
        if self.config.expandable_segments:
            return self.expandable.allocate(pool, rounded, stream)
        address = self.device.take_segment(num_bytes, stream)
        return None if address is None else Block(address, num_bytes, stream, pool)

    def _split(self, block: Block, size: int) -> Block:
        """The part of ``block`` that a request of ``size`` (rounded) takes; the rest returns to the pool."""
        was_split = block.prev is not None or block.next is not None
        if block.size == size or not self._should_split(block, size):
            if was_split and block.segment is None:
                self.stats.changed_split(-1, -block.size)
            return block
        taken = Block(block.address, size, block.stream, block.pool, block.segment)
        taken.prev = block.prev
        if taken.prev is not None:
            taken.prev.next = taken
        taken.next, block.prev = block, taken
        block.address += size
        block.size -= size
        block.pool.add(block)
        if block.segment is None:
            if was_split:
                self.stats.changed_split(0, -size)
            else:
                self.stats.changed_split(1, block.size)
        return taken

    def _should_split(self, block: Block, size: int) -> bool:
        if block.pool.is_small or self.config.expandable_segments:
            return block.size - size >= MIN_BLOCK_BYTES
        max_split = self.config.max_split_size_bytes
        return (max_split is None or size < max_split) and block.size - size > SMALL_BYTES

    def _complete_free(self, block: Block) -> None:
        """Return a block to its pool, merged with the free blocks beside it."""
        stats = self.stats
        if self.device.on_event is not None:
            self.device.on_event("free_completed", block.address, block.requested_size, block.stream)
        del self.active[block.address]
        stats.active -= 1
        stats.active_bytes -= block.size
        stats.requested_bytes -= block.requested_size
        pool, num_blocks, num_bytes = block.pool, 0, 0
        for neighbour in (block.prev, block.next):
            if neighbour is not None and not neighbour.allocated and (subsumed := pool.merge(block, neighbour)):
                num_blocks -= 1
                num_bytes -= subsumed
        pool.add(block)
        if block.segment is None:
            if block.prev is not None or block.next is not None:
                num_blocks += 1
                num_bytes += block.size
            stats.changed_split(num_blocks, num_bytes)
