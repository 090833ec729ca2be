"""What happens to an allocator besides requests and frees; a snapshot's history is made by doing it all again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from ladderscope.memory.allocator import CachingAllocator, OutOfDeviceMemory


class Intervention(NamedTuple):
    """Something done to the allocator.

    Args:
        before_event: the index of the event that follows it.
        act: does it to an allocator.
        reserved_bytes: that the allocator held after it.
    """

    before_event: int
    act: Callable[[CachingAllocator], None]
    reserved_bytes: int


def fail_to_allocate(allocator: CachingAllocator, num_bytes: int, stream: int = 0) -> None:
    """A request that did not fit: looking for room gives cached memory back."""
    with suppress(OutOfDeviceMemory):
        allocator.malloc(num_bytes, stream)


def lift_limits(allocator: CachingAllocator) -> None:
    """From here on there is as much memory as is asked for."""
    allocator.device.capacity_bytes = allocator.device.allowed_bytes = None
