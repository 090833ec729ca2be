"""The statistics that ``torch.cuda`` keeps of its allocator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.snapshots import save_snapshot, snapshot_of


class MemoryStats:
    """Memory functions of ``torch.cuda`` over a simulated device.

    Args:
        device: the device.
        capacity_bytes: all memory of the device.
        outside_bytes: what the CUDA context takes of it.
    """

    def __init__(self, device: SimulatedDevice, capacity_bytes: int, outside_bytes: int) -> None:
        self._device = device
        self._allocator = device.allocator
        self._empty_cache = device.empty_cache
        self._intervene = device.intervene
        self._capacity_bytes = capacity_bytes
        self._outside_bytes = outside_bytes

    def functions(self) -> dict[str, Any]:
        """The functions by their names in ``torch.cuda``; each takes a device, which it ignores."""
        stats = self._allocator.stats
        return {
            "memory_allocated": lambda device=None: stats.allocated_bytes,
            "max_memory_allocated": lambda device=None: stats.peak_allocated_bytes,
            "memory_reserved": lambda device=None: stats.reserved_bytes,
            "max_memory_reserved": lambda device=None: stats.peak_reserved_bytes,
            "memory_cached": lambda device=None: stats.reserved_bytes,
            "max_memory_cached": lambda device=None: stats.peak_reserved_bytes,
            "reset_peak_memory_stats": lambda device=None: stats.reset_peaks(),
            "reset_max_memory_allocated": lambda device=None: stats.reset_peaks(),
            "reset_max_memory_cached": lambda device=None: stats.reset_peaks(),
            "reset_accumulated_memory_stats": lambda device=None: None,
            "memory_stats": lambda device=None: self._allocator.memory_stats(),
            "mem_get_info": lambda device=None: self._free_and_total(),
            "empty_cache": self._empty_cache,
            "memory_summary": lambda device=None, abbreviated=False: self._summary(),
            "set_per_process_memory_fraction": lambda fraction, device=None: self._intervene(
                lambda allocator: allocator.set_memory_fraction(fraction)
            ),
            "get_per_process_memory_fraction": lambda device=None: self._fraction(),
            "get_allocator_backend": lambda: "native",
            "memory_stats_as_nested_dict": lambda device=None: _nested(self._allocator.memory_stats()),
            # All of it is recorded, from the start on.
            "_record_memory_history": lambda *args, **kwargs: None,
            "_snapshot": lambda device=None, **options: snapshot_of(self._device),
            "_dump_snapshot": lambda filename="dump_snapshot.pickle", **options: save_snapshot(
                Path(filename), self._device
            ),
            "memory_snapshot": lambda *args, **options: snapshot_of(self._device)["segments"],
        }

    def _free_and_total(self) -> tuple[int, int]:
        taken = self._outside_bytes + self._allocator.stats.reserved_bytes
        return max(0, self._capacity_bytes - taken), self._capacity_bytes

    def _fraction(self) -> float:
        allowed, capacity = self._allocator.device.allowed_bytes, self._allocator.device.capacity_bytes
        return 1.0 if allowed is None or not capacity else allowed / capacity

    def _summary(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self._allocator.memory_stats().items())


def _nested(stats: dict[str, int]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in stats.items():
        *path, last = name.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return nested
