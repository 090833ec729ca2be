"""Where the device puts a new segment: the one thing that the allocator does not decide itself."""

from __future__ import annotations

from typing import Protocol

from ladderscope.units import MIB

FIRST_ADDRESS = 0x7F0000000000
ALIGNMENT_BYTES = 2 * MIB


class AddressPolicy(Protocol):
    """Says where new segments lie. Addresses break ties between blocks of one size, so they matter."""

    def place(self, size: int, stream: int) -> int:
        """The address of a new segment of ``size`` bytes."""

    def reserve(self, size: int, stream: int, is_small: bool) -> int:
        """The first address of ``size`` bytes of address space for an expandable segment."""


class IncreasingAddresses:
    """Every segment lies behind all earlier ones, and no address is used twice."""

    def __init__(self, first_address: int = FIRST_ADDRESS) -> None:
        self._next = first_address

    def place(self, size: int, stream: int) -> int:
        """The next free address; segments start at multiples of 2 MiB."""
        address = self._next
        self._next += -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        return address

    def reserve(self, size: int, stream: int, is_small: bool) -> int:
        """The next free address, as for a segment."""
        return self.place(size, stream)
