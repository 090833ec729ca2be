"""The allocator of a CPU: every request is served as it is, and given back when it is freed."""

from __future__ import annotations

from ladderscope.memory.allocator import Block, CachingAllocator


class ExactAllocator(CachingAllocator):
    """Neither rounds nor caches; every block is a segment of its own, on a device without end."""

    def malloc(self, size: int, stream: int = 0) -> Block:
        """Allocate ``size`` bytes, at least 1."""
        if size <= 0:
            raise ValueError(f"an allocation has at least 1 byte, not {size}.")
        address = self.device.take_segment(size, stream)
        assert address is not None
        block = Block(address, size, stream, self.large)
        block.allocated = True
        block.requested_size = size
        self.active[address] = block
        self.stats.took_block(size, size)
        self.device.emit("alloc", address, size, stream)
        return block

    def free(self, block: Block) -> None:
        """Free a block of :meth:`malloc`, and its segment."""
        super().free(block)
        self.device.give_back_segment(block)
