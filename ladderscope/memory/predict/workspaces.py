"""cuBLAS' workspaces: memory that a matrix product's handle takes from PyTorch's allocator."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident

import torch

from ladderscope.memory.predict.device import SimulatedDevice


class Workspaces:
    """The workspaces of one device.

    Args:
        device: whose memory they are in.
        num_bytes: of each; 0 where products take none.
        stay: whether one is kept with its thread's handle, or freed behind every product.
    """

    def __init__(self, device: SimulatedDevice, num_bytes: int, stay: bool) -> None:
        self._device = device
        self._num_bytes = num_bytes
        self._stay = stay
        self._kept: dict[int | str, Callable[[], None]] = {}

    def use(self) -> None:
        """A product runs in the current thread; all of backward has one of its own."""
        if not self._num_bytes:
            return
        if not self._stay:
            self._allocate()()
            return
        in_backward = torch._C._current_autograd_node() is not None
        thread = "backward" if in_backward else get_ident()
        if thread not in self._kept:
            self._kept[thread] = self._allocate()

    def clear(self) -> None:
        """Free them all, as ``torch._C._cuda_clearCublasWorkspaces`` does; the next products take them anew."""
        while self._kept:
            self._kept.popitem()[1]()

    def _allocate(self) -> Callable[[], None]:
        return self._device.allocate(self._num_bytes, "cuBLAS workspace", "workspace")
