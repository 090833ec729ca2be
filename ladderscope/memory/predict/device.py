"""The simulated device: its memory, and which storages are in it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import RLock
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from ladderscope.memory.allocator import Block, CachingAllocator, OutOfDeviceMemory
from ladderscope.memory.predict.allocations import Allocation, Event
from ladderscope.memory.predict.interventions import Intervention, fail_to_allocate, lift_limits
from ladderscope.memory.predict.streams import current_stream
from ladderscope.memory.predict.values import HostValues, unknown
from ladderscope.torch_internals import is_on_meta, unwrapped

OnOom = Literal["raise", "continue"]


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
        on_oom: ``raise`` PyTorch's error when memory runs out, or ``continue`` as if there were more.
    """

    def __init__(self, allocator: CachingAllocator, place: Place, on_oom: OnOom = "raise") -> None:
        self.allocator = allocator
        self.capacity_bytes = allocator.device.capacity_bytes
        self.interventions: list[Intervention] = []
        self.place = place
        self.values = HostValues()
        self.first_oom: OutOfDeviceMemory | None = None
        self._on_oom = on_oom
        self.events: list[Event] = []
        self.inside_kernel = False
        """Whether a kernel of PyTorch runs, which is to see tensors as they are."""
        self.expects_copy = False
        """Whether the tensor that is made next on `meta` is one that code moves to this device."""
        self.takes_meta = False
        """Whether all that is made on `meta` is made on this device."""
        self.lock = RLock()
        """Held by the thread whose operation runs."""
        self._live: dict[int, tuple[Allocation, Block | None, Any]] = {}

    def runs_kernel_here(self) -> bool:
        """Whether this thread runs a kernel of PyTorch, which is to see tensors as they are."""
        return self.inside_kernel and self.lock._is_owned()  # type: ignore[attr-defined]

    # ---- which tensors are here ------------------------------------------------------------------------------------

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is on this device."""
        if not is_on_meta(tensor):
            return False
        if tensor.layout is not torch.strided:
            return True  # a sparse tensor has no storage of its own: nothing else makes one on `meta`
        try:
            if tensor.untyped_storage()._cdata in self._live:
                return True
            inside = unwrapped(tensor)
            return inside is not tensor and self.holds(inside)
        except NotImplementedError:  # wrapped by torch.func, for its derivatives
            return unwrapped(tensor).untyped_storage()._cdata in self._live

    def held(self, tensors: list[Tensor]) -> list[Tensor]:
        """Those of ``tensors`` that are on this device."""
        return [tensor for tensor in tensors if self.holds(tensor)]

    def holds_storage(self, storage: Any) -> bool:
        """Whether a storage is on this device."""
        return storage._cdata in self._live

    def address_of(self, storage: Any) -> int | None:
        """Where a storage is; None for one that is not here."""
        entry = self._live.get(storage._cdata)
        return None if entry is None else entry[0].address

    def allocation_of(self, tensor: Tensor) -> Allocation | None:
        """The block behind a tensor; None for a tensor that is not here, or is made of several."""
        if tensor.layout is not torch.strided:
            return None
        entry = self._live.get(unwrapped(tensor).untyped_storage()._cdata)
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
            if self._live[key][0].num_bytes != storage.nbytes():
                self.resize(storage)
            return self._live[key][0]
        allocation, block = self._allocate(storage.nbytes(), operation, category, _describe(tensor))
        finalizer = weakref.ref(storage, lambda _: self._forget(key))
        self._live[key] = allocation, block, finalizer
        return allocation

    def resize(self, storage: Any) -> None:
        """Follow a storage that got another size: it moves into a new block, and the old one is freed behind it."""
        key = storage._cdata
        with self.lock:
            if key not in self._live:
                return
            old, block, finalizer = self._live[key]
            new, new_block = self._allocate(storage.nbytes(), old.operation, old.category, old.shape)
            new.module = old.module
            self._live[key] = new, new_block, finalizer
            self.values.forget(key)
            self._free(old, block)

    def allocate(self, num_bytes: int, operation: str, category: str | None = None) -> Callable[[], None]:
        """Allocate memory that no tensor owns; returns what frees it."""
        with self.lock:
            allocation, block = self._allocate(num_bytes, operation, category, "")

        def free() -> None:
            with self.lock:
                self._free(allocation, block)

        return free

    def _allocate(
        self, num_bytes: int, operation: str, category: str | None, shape: str
    ) -> tuple[Allocation, Block | None]:
        known, module, phase = self.place.describe()
        block = self._malloc(num_bytes) if num_bytes else None
        size, address = (block.size, block.address) if block is not None else (0, 0)
        stream = 0 if block is None else block.stream
        allocation = Allocation(
            len(self.events), num_bytes, size, address, category or known, module, operation, phase, shape, stream
        )
        self.events.append(Event(allocation, True, self.allocator.stats.reserved_bytes))
        return allocation, block

    def empty_cache(self) -> None:
        """Give the allocator's free segments back."""
        self.intervene(CachingAllocator.empty_cache)

    def intervene(self, act: Callable[[CachingAllocator], None]) -> None:
        """Do something to the allocator that is neither a request nor a free, and remember it for a snapshot."""
        with self.lock:
            act(self.allocator)
            self._noted(act)

    def _noted(self, act: Callable[[CachingAllocator], None]) -> None:
        self.interventions.append(Intervention(len(self.events), act, self.allocator.stats.reserved_bytes))

    def _malloc(self, num_bytes: int) -> Block:
        stream = current_stream().stream_id
        try:
            return self.allocator.malloc(num_bytes, stream)
        except OutOfDeviceMemory as error:
            self._noted(partial(fail_to_allocate, num_bytes=num_bytes, stream=stream))
            if self._on_oom == "raise":
                self.first_oom = self.first_oom or error
                raise torch.OutOfMemoryError(f"CUDA {error}") from error
            # Without its frames, which would keep every tensor in them alive.
            self.first_oom = self.first_oom or error.with_traceback(None)
        self.intervene(lift_limits)
        return self.allocator.malloc(num_bytes, stream)

    def _forget(self, key: int) -> None:
        with self.lock:  # the last holder of a storage may be any thread
            allocation, block, _ = self._live.pop(key)
            self.values.forget(key)
            self._free(allocation, block)

    def _free(self, allocation: Allocation, block: Block | None) -> None:
        if block is not None:
            self.allocator.free(block)
        self.events.append(Event(allocation, False, self.allocator.stats.reserved_bytes))

    # ---- host <-> device -------------------------------------------------------------------------------------------

    @contextmanager
    def receiving(self, source: Tensor) -> Iterator[None]:
        """Inside, a copy of ``source`` onto `meta` is one onto this device; small values go with it."""
        with self.lock:
            self.expects_copy = True
            try:
                yield
            finally:
                self.expects_copy = False

    @contextmanager
    def taking_meta(self) -> Iterator[None]:
        """Inside, compiled code that makes tensors beside others, which it sees on `meta`, makes them here."""
        with self.lock:
            self.takes_meta = True
            try:
                yield
            finally:
                self.takes_meta = False

    def to_host(self, tensor: Tensor) -> Tensor:
        """A tensor of the same shape on the host: its values where they are known, or made up (:func:`unknown`)."""
        known = self.values.of(tensor)
        with torch.utils._python_dispatch._disable_current_modes():
            return known.clone() if known is not None else unknown(tensor.shape, tensor.dtype)


def _describe(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
