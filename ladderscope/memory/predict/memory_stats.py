"""The statistics that ``torch.cuda`` keeps of its allocator."""

from __future__ import annotations

from typing import Any

from ladderscope.memory.predict.device import SimulatedDevice


class MemoryStats:
    """Memory functions of ``torch.cuda`` over a simulated device.

    Args:
        device: the device.
        capacity_bytes: all memory of the device.
        outside_bytes: what the CUDA context takes of it.
    """

    def __init__(self, device: SimulatedDevice, capacity_bytes: int, outside_bytes: int) -> None:
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
            "_record_memory_history": lambda *args, **kwargs: None,
        }

    def _free_and_total(self) -> tuple[int, int]:
        taken = self._outside_bytes + self._allocator.stats.reserved_bytes
        return max(0, self._capacity_bytes - taken), self._capacity_bytes

    def _summary(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self._allocator.memory_stats().items())
