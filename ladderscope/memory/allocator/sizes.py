"""How the allocator rounds: what a request takes from a segment, and what a segment takes from the device.

Source: ``round_size`` and ``get_allocation_size`` of ``c10/cuda/CUDACachingAllocator.cpp``, constants of
``c10/core/AllocatorConfig.h``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.units import MIB

MIN_BLOCK_BYTES = 512
"""Every block is a multiple of this."""
SMALL_BYTES = MIB
"""The largest block of the small pool."""
SMALL_SEGMENT_BYTES = 2 * MIB
"""What the small pool takes from the device at a time."""
MIN_LARGE_SEGMENT_BYTES = 10 * MIB
"""From here on, a request gets a segment of its own size."""
LARGE_GRANULARITY_BYTES = 2 * MIB
"""Such a segment is a multiple of this."""

FIRST_INTERVAL_BITS = 20
"""The first entry of the table of divisions is for sizes below 2 MiB, each further one for the next power of two."""
NUM_INTERVALS = 16


def round_size(size: int, power2_divisions: Sequence[int]) -> int:
    """The bytes that a request of ``size`` bytes takes, before a remainder that is not split off.

    Args:
        size: bytes requested, at least 1.
        power2_divisions: 16 entries, for sizes of 1 MiB, 2 MiB ... 32 GiB and more; an entry above 1 rounds up to
            that fraction of the power of two below.
    """
    if size < MIN_BLOCK_BYTES:
        return MIN_BLOCK_BYTES
    interval = min(max(size.bit_length() - 1 - FIRST_INTERVAL_BITS, 0), NUM_INTERVALS - 1)
    divisions = power2_divisions[interval]
    if divisions > 1 and size > MIN_BLOCK_BYTES * divisions:
        return _round_to_fraction_of_power2(size, divisions)
    return -(-size // MIN_BLOCK_BYTES) * MIN_BLOCK_BYTES


def _round_to_fraction_of_power2(size: int, divisions: int) -> int:
    power2 = 1 << (size.bit_length() - 1)
    step = power2 // divisions
    return -(-size // step) * step


def segment_size(size: int, large_segment_bytes: int) -> int:
    """The bytes of a new segment for a block of ``size`` bytes (a rounded size)."""
    if size <= SMALL_BYTES:
        return SMALL_SEGMENT_BYTES
    if size < MIN_LARGE_SEGMENT_BYTES:
        return large_segment_bytes
    return -(-size // LARGE_GRANULARITY_BYTES) * LARGE_GRANULARITY_BYTES
