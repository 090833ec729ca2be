"""What the allocator raises when the device is full."""

from __future__ import annotations

from ladderscope.errors import LadderscopeError
from ladderscope.units import format_bytes


class OutOfDeviceMemory(LadderscopeError):
    """A request that does not fit, even with all cached memory given back; as ``torch.cuda.OutOfMemoryError``.

    Attributes:
        requested_bytes: what was asked for.
        free_bytes: what no segment held.
        allocated_bytes: what was in use.
        reserved_bytes: what segments held.
    """

    def __init__(self, requested_bytes: int, free_bytes: int, allocated_bytes: int, reserved_bytes: int) -> None:
        self.requested_bytes = requested_bytes
        self.free_bytes = free_bytes
        self.allocated_bytes = allocated_bytes
        self.reserved_bytes = reserved_bytes
        unused = format_bytes(reserved_bytes - allocated_bytes)
        super().__init__(
            f"out of device memory: {format_bytes(requested_bytes)} requested, {format_bytes(free_bytes)} free, "
            f"{format_bytes(allocated_bytes)} allocated, {unused} reserved but not allocated."
        )
