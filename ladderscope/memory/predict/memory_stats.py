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
        self._device = device
        self._capacity_bytes = capacity_bytes
        self._outside_bytes = outside_bytes
        self._since = 0

    def functions(self) -> dict[str, Any]:
        """The functions by their names in ``torch.cuda``; each takes a device, which it ignores."""
        return {
            "memory_allocated": lambda device=None: self._device.allocated_bytes,
            "max_memory_allocated": lambda device=None: self._peak_allocated(),
            "memory_reserved": lambda device=None: self._device.allocator.reserved_bytes,
            "max_memory_reserved": lambda device=None: self._peak_reserved(),
            "memory_cached": lambda device=None: self._device.allocator.reserved_bytes,
            "max_memory_cached": lambda device=None: self._peak_reserved(),
            "reset_peak_memory_stats": self._reset,
            "reset_max_memory_allocated": self._reset,
            "reset_max_memory_cached": self._reset,
            "reset_accumulated_memory_stats": lambda device=None: None,
            "memory_stats": self._stats,
            "mem_get_info": self._free_and_total,
            "empty_cache": lambda: self._device.allocator.empty_cache(),
            "memory_summary": lambda device=None, abbreviated=False: str(self._stats()),
            "set_per_process_memory_fraction": lambda fraction, device=None: None,
            "_record_memory_history": lambda *args, **kwargs: None,
        }

    def _reset(self, device: Any = None) -> None:
        self._since = len(self._device.events)

    def _peak_allocated(self) -> int:
        live = peak = self._device.allocated_bytes
        for event in reversed(self._device.events[self._since :]):
            live -= event.allocation.block_bytes if event.is_alloc else -event.allocation.block_bytes
            peak = max(peak, live)
        return peak

    def _peak_reserved(self) -> int:
        events = self._device.events[self._since :]
        return max((event.reserved_bytes for event in events), default=self._device.allocator.reserved_bytes)

    def _free_and_total(self, device: Any = None) -> tuple[int, int]:
        taken = self._outside_bytes + int(self._device.allocator.reserved_bytes)
        return max(0, self._capacity_bytes - taken), self._capacity_bytes

    def _stats(self, device: Any = None) -> dict[str, int]:
        return {
            "allocated_bytes.all.current": self._device.allocated_bytes,
            "allocated_bytes.all.peak": self._peak_allocated(),
            "reserved_bytes.all.current": int(self._device.allocator.reserved_bytes),
            "reserved_bytes.all.peak": self._peak_reserved(),
            "active_bytes.all.current": self._device.allocated_bytes,
            "active_bytes.all.peak": self._peak_allocated(),
            "num_alloc_retries": int(getattr(self._device.allocator, "num_alloc_retries", 0)),
            "num_ooms": int(getattr(self._device.allocator, "num_ooms", 0)),
        }
