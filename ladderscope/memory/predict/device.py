"""The simulated device: its memory, and which storages are in it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from ladderscope.memory.predict.allocations import Allocation, Event
from ladderscope.memory.predict.values import HostValues


_LARGE = 1 << 20


class Allocator(Protocol):
    """What a simulated device needs of an allocator; blocks have an ``address`` and a ``size``."""

    @property
    def reserved_bytes(self) -> int:
        """Bytes that it holds."""
        ...

    def malloc(self, size: int, stream: int = 0) -> Any:
        """A block of at least ``size`` bytes."""
        ...

    def free(self, block: Any) -> None:
        """Take a block back."""
        ...

    def empty_cache(self) -> None:
        """Give unused segments back."""
        ...


class Place(Protocol):
    """Says where in the code an allocation is made."""

    def describe(self) -> tuple[str, str, str]:
        """Category, module and phase."""
        ...


class SimulatedDevice:
    """Memory of one device.

    Args:
        allocator: that serves it.
        place: says where the running code is.
    """

    def __init__(self, allocator: Allocator, place: Place) -> None:
        self.allocator = allocator
        self.place = place
        self.values = HostValues()
        self.events: list[Event] = []
        self.allocated_bytes = 0
        self.inside_kernel = False
        """Whether a kernel of PyTorch runs, which is to see tensors as they are."""
        self.expects_copy = False
        """Whether the tensor that is made next on `meta` is one that code moves to this device."""
        self._live: dict[int, tuple[Allocation, Any, Any]] = {}

    # ---- which tensors are here ------------------------------------------------------------------------------------

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is on this device."""
        return torch._C.TensorBase.is_meta.__get__(tensor) and tensor.untyped_storage()._cdata in self._live

    def holds_storage(self, storage: Any) -> bool:
        """Whether a storage is on this device."""
        return storage._cdata in self._live

    def address_of(self, storage: Any) -> int | None:
        """Where a storage is; None for one that is not here."""
        entry = self._live.get(storage._cdata)
        return None if entry is None else entry[0].address

    def allocation_of(self, tensor: Tensor) -> Allocation | None:
        """The block behind a tensor; None for a tensor that is not here."""
        entry = self._live.get(tensor.untyped_storage()._cdata)
        return None if entry is None else entry[0]

    @property
    def live(self) -> list[Allocation]:
        """All blocks that are in use."""
        return [entry[0] for entry in self._live.values()]

    # ---- memory ----------------------------------------------------------------------------------------------------

    def track(self, tensor: Tensor, operation: str, category: str | None = None) -> Allocation | None:
        """Allocate the storage of a tensor, unless that is done; None for an empty one."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._live:
            return self._live[key][0]
        allocation, block = self._allocate(storage.nbytes(), operation, category, _describe(tensor))
        finalizer = weakref.ref(storage, lambda _, key=key: self._forget(key))
        self._live[key] = allocation, block, finalizer
        return allocation

    def allocate(self, num_bytes: int, operation: str, category: str | None = None) -> Callable[[], None]:
        """Allocate memory that no tensor owns; returns what frees it."""
        allocation, block = self._allocate(num_bytes, operation, category, "")
        return lambda: self._free(allocation, block)

    def _allocate(self, num_bytes: int, operation: str, category: str | None, shape: str) -> tuple[Allocation, Any]:
        known, module, phase = self.place.describe()
        block = self.allocator.malloc(num_bytes) if num_bytes else None
        size, address = (block.size, block.address) if block is not None else (0, 0)
        allocation = Allocation(
            len(self.events), num_bytes, size, address, category or known, module, operation, phase, shape
        )
        self.allocated_bytes += size
        self.events.append(Event(allocation, True, self.allocator.reserved_bytes))
        return allocation, block

    def _forget(self, key: int) -> None:
        allocation, block, _ = self._live.pop(key)
        self.values.forget(key)
        self._free(allocation, block)

    def _free(self, allocation: Allocation, block: Any) -> None:
        if block is not None:
            self.allocator.free(block)
        self.allocated_bytes -= allocation.block_bytes
        self.events.append(Event(allocation, False, self.allocator.reserved_bytes))

    # ---- host <-> device -------------------------------------------------------------------------------------------

    @contextmanager
    def receiving(self, source: Tensor) -> Iterator[None]:
        """Inside, a copy of ``source`` onto `meta` is one onto this device; small values go with it."""
        self.expects_copy = True
        try:
            yield
        finally:
            self.expects_copy = False

    def to_host(self, tensor: Tensor) -> Tensor:
        """A tensor of the same shape on the host: its values where they are known, ones where not.

        Large ones are left as the operating system gives them, so that they take address space and no memory.
        """
        known = self.values.of(tensor)
        with torch.utils._python_dispatch._disable_current_modes():
            if known is not None:
                return known.clone()
            make = torch.empty if tensor.numel() > _LARGE else torch.ones
            return make(tensor.shape, dtype=tensor.dtype)


def _describe(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
