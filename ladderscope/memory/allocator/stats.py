"""What the allocator counts, under the names of ``torch.cuda.memory_stats``."""

from __future__ import annotations

COUNTERS = (
    "allocation",
    "segment",
    "active",
    "inactive_split",
    "allocated_bytes",
    "reserved_bytes",
    "active_bytes",
    "inactive_split_bytes",
    "requested_bytes",
)
"""Counters with a current value and a peak; those without ``_bytes`` count blocks or segments."""


class AllocatorStats:
    """Current values, peaks (``peak_`` before the name) and counts of failures.

    ``allocated_bytes`` is in use, ``active_bytes`` also waits for other streams, ``requested_bytes`` is what was asked
    for of the active ones, ``inactive_split_bytes`` is free but shares its segment with a block in use,
    ``reserved_bytes`` is held from the device. Expandable segments add nothing to ``segment`` and ``inactive_split``.
    """

    __slots__ = (*COUNTERS, *(f"peak_{name}" for name in COUNTERS), "num_alloc_retries", "num_ooms")

    allocation: int
    segment: int
    active: int
    inactive_split: int
    allocated_bytes: int
    reserved_bytes: int
    active_bytes: int
    inactive_split_bytes: int
    requested_bytes: int
    peak_allocation: int
    peak_segment: int
    peak_active: int
    peak_inactive_split: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    peak_active_bytes: int
    peak_inactive_split_bytes: int
    peak_requested_bytes: int

    def __init__(self) -> None:
        for name in COUNTERS:
            setattr(self, name, 0)
            setattr(self, f"peak_{name}", 0)
        self.num_alloc_retries = 0
        self.num_ooms = 0

    def reset_peaks(self) -> None:
        """Let every peak start again from the current value."""
        for name in COUNTERS:
            setattr(self, f"peak_{name}", getattr(self, name))

    def took_block(self, size: int, requested_size: int) -> None:
        """A block was handed out."""
        # Locals, as this runs for every allocation of a simulated step.
        self.allocation = allocation = self.allocation + 1
        if allocation > self.peak_allocation:
            self.peak_allocation = allocation
        self.active = active = self.active + 1
        if active > self.peak_active:
            self.peak_active = active
        self.allocated_bytes = allocated_bytes = self.allocated_bytes + size
        if allocated_bytes > self.peak_allocated_bytes:
            self.peak_allocated_bytes = allocated_bytes
        self.active_bytes = active_bytes = self.active_bytes + size
        if active_bytes > self.peak_active_bytes:
            self.peak_active_bytes = active_bytes
        self.requested_bytes = requested_bytes = self.requested_bytes + requested_size
        if requested_bytes > self.peak_requested_bytes:
            self.peak_requested_bytes = requested_bytes

    def changed_split(self, num_blocks: int, num_bytes: int) -> None:
        """Free blocks of split segments came or went."""
        self.inactive_split += num_blocks
        if self.inactive_split > self.peak_inactive_split:
            self.peak_inactive_split = self.inactive_split
        self.inactive_split_bytes += num_bytes
        if self.inactive_split_bytes > self.peak_inactive_split_bytes:
            self.peak_inactive_split_bytes = self.inactive_split_bytes

    def changed_reserved(self, num_segments: int, num_bytes: int) -> None:
        """Memory was taken from the device, or given back."""
        self.segment += num_segments
        if self.segment > self.peak_segment:
            self.peak_segment = self.segment
        self.reserved_bytes += num_bytes
        if self.reserved_bytes > self.peak_reserved_bytes:
            self.peak_reserved_bytes = self.reserved_bytes

    def as_dict(self) -> dict[str, int]:
        """As ``torch.cuda.memory_stats`` names them, e.g. ``'allocated_bytes.all.peak'``."""
        values = {"num_alloc_retries": self.num_alloc_retries, "num_ooms": self.num_ooms}
        for name in COUNTERS:
            values[f"{name}.all.current"] = getattr(self, name)
            values[f"{name}.all.peak"] = getattr(self, f"peak_{name}")
        return values
