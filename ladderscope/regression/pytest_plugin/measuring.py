"""Measures the body of a test on a CUDA device, by the caching allocator's own statistics and history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ladderscope.memory.predict.allocations import Allocation
from ladderscope.regression.pytest_plugin.history import OTHER, blocks_at_peak
from ladderscope.regression.pytest_plugin.options import CUDA
from ladderscope.regression.pytest_plugin.watch import Watched


class MeasuredMemory:
    """What was measured of a test's body; it may be read while the body runs.

    Args:
        root: the files below it are named relative to it.
    """

    def __init__(self, root: Path) -> None:
        import torch

        self._root = root
        self._cuda: Any = torch.cuda
        self._device = torch.cuda.current_device()
        self._before_bytes = 0
        self._ended: tuple[int, int, list[Mapping[str, Any]]] | None = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Inside, peaks and history are those of the running code alone, on top of what is allocated already."""
        history = self._cuda.memory._record_memory_history
        self._cuda.synchronize(self._device)
        # What earlier tests left in the allocator's cache is no part of what this one reserves.
        self._cuda.empty_cache()
        self._cuda.reset_peak_memory_stats(self._device)
        self._before_bytes = self._cuda.memory_allocated(self._device)
        history(enabled=None)  # forgets what was recorded before
        history(enabled="all", context="alloc", stacks="python")
        try:
            yield
        finally:
            self._ended = self._now()
            history(enabled=None)

    def _now(self) -> tuple[int, int, list[Mapping[str, Any]]]:
        if self._ended is not None:
            return self._ended
        self._cuda.synchronize(self._device)
        history = self._cuda.memory._snapshot()["device_traces"][self._device]
        cuda, device = self._cuda, self._device
        return cuda.max_memory_allocated(device), cuda.max_memory_reserved(device), history

    @property
    def peak_allocated_bytes(self) -> int:
        """``torch.cuda.max_memory_allocated`` since the body began."""
        return self._now()[0]

    @property
    def peak_reserved_bytes(self) -> int:
        """``torch.cuda.max_memory_reserved`` since the body began."""
        return self._now()[1]

    def breakdown(self) -> dict[str, int]:
        """The allocated peak in bytes, as one category: a history does not tell what blocks are for."""
        return {OTHER: self.peak_allocated_bytes}

    def top_allocations(self, n: int = 10) -> list[Allocation]:
        """The ``n`` largest blocks that are in use at the peak, named by the line of code that asked for them."""
        blocks = blocks_at_peak(self._now()[2], self._before_bytes, self._root)
        return sorted(blocks, key=lambda block: -block.block_bytes)[:n]


@contextlib.contextmanager
def measured(root: Path) -> Iterator[Watched]:
    """Inside, the memory of the current CUDA device is recorded."""
    import torch

    trace, name = MeasuredMemory(root), torch.cuda.get_device_name()
    with trace.recording():
        yield Watched(trace, CUDA, name, f"measured on {name}")


def refuse_without_cuda() -> None:
    """Refuse to measure where nothing can be.

    Raises:
        pytest.UsageError: PyTorch finds no CUDA device.
    """
    import torch

    if not torch.cuda.is_available():
        raise pytest.UsageError(
            "--ladderscope-meter cuda needs a CUDA device, and PyTorch finds none: use --ladderscope-meter predict."
        )
