"""Storages of simulated tensors: where they are, and what copies, moves and resizes them."""

from __future__ import annotations

from typing import Any

import torch

from ladderscope.memory.predict.device import SimulatedDevice

CUDA = torch.device("cuda", 0)
_SMALL_BYTES = 4096
"""Up to here the values of a storage go with it: step counts of an optimizer, shapes, flags."""


def storage_attributes(device: SimulatedDevice) -> dict[str, Any]:
    """What ``torch.UntypedStorage`` answers and does, where the storage is on the simulated device."""
    real: Any = torch.UntypedStorage
    real_device = real.device.__get__
    real_ptr, real_cpu, real_to, real_clone = real.data_ptr, real.cpu, real.to, real.clone
    real_copy, real_resize = real.copy_, real.resize_

    def where(storage: Any) -> torch.device:
        found: torch.device = real_device(storage)
        hidden = found.type == "meta" and not device.runs_kernel_here() and device.holds_storage(storage)
        return CUDA if hidden else found

    def data_ptr(storage: Any) -> int:
        address = device.address_of(storage)
        return int(real_ptr(storage)) if address is None else address

    def to_host(storage: Any) -> Any:
        """Saving a tensor copies its storage; without data, it is one of the same size."""
        return torch.UntypedStorage(storage.nbytes()) if device.holds_storage(storage) else real_cpu(storage)

    def to(storage: Any, *, device: Any, non_blocking: bool = False) -> Any:
        target = torch.device(device)
        if target.type == "cuda":
            return storage if holds(storage) else _received(simulated, storage)
        if target.type == "cpu" and holds(storage):
            return to_host(storage)
        return real_to(storage, device=target, non_blocking=non_blocking)

    def clone(storage: Any) -> Any:
        return _received(simulated, storage) if holds(storage) else real_clone(storage)

    def copy(storage: Any, source: Any, non_blocking: bool | None = None) -> Any:
        if not (holds(storage) or holds(source)):
            return real_copy(storage, source, non_blocking)
        simulated.values.forget(storage._cdata)
        return storage

    def resize(storage: Any, num_bytes: int) -> Any:
        before = storage.nbytes()
        result = real_resize(storage, num_bytes)
        try:
            simulated.resize(storage)
        except torch.OutOfMemoryError:
            real_resize(storage, before)
            raise
        return result

    simulated, holds = device, device.holds_storage
    return {
        "device": property(where),
        "data_ptr": data_ptr,
        "cpu": to_host,
        "to": to,
        "clone": clone,
        "copy_": copy,
        "resize_": resize,
    }


def _received(device: SimulatedDevice, source: Any) -> Any:
    """A storage of the same size on the device."""
    made = torch.empty(source.nbytes(), dtype=torch.uint8, device="cuda")
    if not device.holds_storage(source) and 0 < source.nbytes() <= _SMALL_BYTES and source.device.type == "cpu":
        device.values.keep(made, torch.empty(0, dtype=torch.uint8, device="cpu").set_(source))
    elif device.holds_storage(source):
        device.values.copy(source._cdata, made.untyped_storage()._cdata)
    return made.untyped_storage()
