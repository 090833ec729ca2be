"""The device's memory as the allocator sees it: how much there is, and what is taken and given back in segments."""

from __future__ import annotations

from collections.abc import Callable

from ladderscope.memory.allocator.addresses import AddressPolicy
from ladderscope.memory.allocator.blocks import Block
from ladderscope.memory.allocator.stats import AllocatorStats

Listener = Callable[[str, int, int, int], None]
"""Called with (action, address, size, stream); actions are those of PyTorch's memory history."""


class Device:
    """Hands out segments while they fit, and tells the listener about them.

    Attributes:
        capacity_bytes: memory for the allocator; None is without end.
        allowed_bytes: what the memory fraction allows of it; None is no limit of its own.
    """

    def __init__(self, addresses: AddressPolicy, capacity_bytes: int | None, on_event: Listener | None) -> None:
        self.addresses = addresses
        self.capacity_bytes = capacity_bytes
        self.allowed_bytes: int | None = None
        self.on_event = on_event
        self.stats = AllocatorStats()

    @property
    def free_bytes(self) -> int | None:
        """What no segment holds; None on a device without end."""
        return None if self.capacity_bytes is None else self.capacity_bytes - self.stats.reserved_bytes

    def allows(self, size: int) -> bool:
        """Whether the memory fraction allows ``size`` bytes more."""
        return self.allowed_bytes is None or self.stats.reserved_bytes + size <= self.allowed_bytes

    def has_room(self, size: int) -> bool:
        """Whether the device has ``size`` bytes left."""
        return self.capacity_bytes is None or self.stats.reserved_bytes + size <= self.capacity_bytes

    def take_segment(self, size: int, stream: int) -> int | None:
        """The address of a new segment, or None where the device is full (``cudaMalloc``)."""
        if not self.has_room(size):
            return None
        address = self.addresses.place(size, stream)
        self.stats.changed_reserved(1, size)
        self.emit("segment_alloc", address, size, stream)
        return address

    def give_back_segment(self, block: Block) -> None:
        """Take a free block, which is a whole segment, from its pool and give it back (``cudaFree``)."""
        assert block.is_free
        assert block.prev is None
        assert block.next is None
        block.pool.remove(block)
        self.stats.changed_reserved(-1, -block.size)
        self.emit("segment_free", block.address, block.size, block.stream)

    def emit(self, action: str, address: int, size: int, stream: int) -> None:
        """Tell the listener, if there is one."""
        if self.on_event is not None:
            self.on_event(action, address, size, stream)
