"""Measures the body of a test on a CUDA device, by the caching allocator's own statistics and history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ladderscope.memory.predict.allocations import Allocation
from ladderscope.regression.pytest_plugin.history import OTHER, blocks_at_peak
from ladderscope.regression.pytest_plugin.options import CUDA
from ladderscope.regression.pytest_plugin.watch import Watched


@dataclass(frozen=True)
class _Measured:
    """What one device has seen: its peaks since the body began, what was allocated then, and what happened since."""

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    before_bytes: int
    history: Sequence[Mapping[str, Any]]

    @property
    def has_allocated(self) -> bool:
        return any(entry["action"] == "alloc" for entry in self.history)


class MeasuredMemory:
    """What was measured of a test's body; it may be read while the body runs.

    Peaks are those of one GPU: the current one, or another that the body allocates on where more is allocated there.

    Args:
        root: the files below it are named relative to it.
    """

    def __init__(self, root: Path) -> None:
        import torch

        self._root = root
        self._cuda: Any = torch.cuda
        self._current = torch.cuda.current_device()
        self._devices = range(torch.cuda.device_count())
        self._before_bytes: list[int] = []
        self._ended: list[_Measured] | None = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Inside, peaks and history are those of the running code alone, on top of what is allocated already."""
        history = self._cuda.memory._record_memory_history
        self._cuda.synchronize(self._current)
        # What earlier tests left in the allocator's cache is no part of what this one reserves.
        self._cuda.empty_cache()
        for device in self._devices:
            self._cuda.reset_peak_memory_stats(device)
        self._before_bytes = [self._cuda.memory_allocated(device) for device in self._devices]
        history(enabled=None)  # forgets what was recorded before
        history(enabled="all", context="alloc", stacks="python")
        try:
            yield
        finally:
            self._ended = self._now()
            history(enabled=None)

    @property
    def has_allocated(self) -> bool:
        """Whether the body has allocated anything on any GPU, so far."""
        return any(measured.has_allocated for measured in self._now())

    def _now(self) -> list[_Measured]:
        """Of each device that matters: others may hold what earlier tests left."""
        if self._ended is not None:
            return self._ended
        self._cuda.synchronize(self._current)
        histories = self._cuda.memory._snapshot()["device_traces"]
        measured = [self._of(device, histories[device]) for device in self._devices]
        return [one for device, one in enumerate(measured) if device == self._current or one.has_allocated]

    def _of(self, device: int, history: Sequence[Mapping[str, Any]]) -> _Measured:
        peaks = self._cuda.max_memory_allocated(device), self._cuda.max_memory_reserved(device)
        return _Measured(*peaks, self._before_bytes[device], history)

    @property
    def peak_allocated_bytes(self) -> int:
        """``torch.cuda.max_memory_allocated`` since the body began."""
        return max(measured.peak_allocated_bytes for measured in self._now())

    @property
    def peak_reserved_bytes(self) -> int:
        """``torch.cuda.max_memory_reserved`` since the body began."""
        return max(measured.peak_reserved_bytes for measured in self._now())

    def breakdown(self) -> dict[str, int]:
        """The allocated peak in bytes, as one category: a history does not tell what blocks are for."""
        return {OTHER: self.peak_allocated_bytes}

    def top_allocations(self, n: int = 10) -> list[Allocation]:
        """The ``n`` largest blocks that are in use at the peak, named by the line of code that asked for them."""
        most = max(self._now(), key=lambda measured: measured.peak_allocated_bytes)
        blocks = blocks_at_peak(most.history, most.before_bytes, self._root)
        return sorted(blocks, key=lambda block: -block.block_bytes)[:n]


@contextlib.contextmanager
def measured(root: Path) -> Iterator[Watched]:
    """Inside, the memory of all CUDA devices that PyTorch sees is recorded."""
    import torch

    trace, name = MeasuredMemory(root), torch.cuda.get_device_name()
    with trace.recording():
        yield Watched(trace, CUDA, name, f"measured on {name}", lambda: trace.has_allocated)


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
