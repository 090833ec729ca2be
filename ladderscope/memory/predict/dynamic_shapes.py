"""Operations whose result has as many elements as values say: they run on the host, on the values that are known.

Where a mask is not known, every element of it is taken as set: the largest that the result can be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ladderscope.memory.predict.device import SimulatedDevice

aten = torch.ops.aten


def _known(device: SimulatedDevice, tensor: Tensor) -> Tensor:
    value = device.values.of(tensor) if device.holds(tensor) else tensor
    return torch.ones(tensor.shape, dtype=tensor.dtype) if value is None else value


def _received(device: SimulatedDevice, value: Tensor, operation: str) -> Tensor:
    made = torch.empty(value.shape, dtype=value.dtype, device="meta")
    device.track(made, operation)
    device.values.keep(made, value)
    return made


def _nonzero(device: SimulatedDevice, tensor: Tensor) -> Tensor:
    return _received(device, torch.nonzero(_known(device, tensor)), "nonzero")


def _masked_select(device: SimulatedDevice, tensor: Tensor, mask: Tensor) -> Tensor:
    count = int(_known(device, mask).expand(torch.broadcast_shapes(tensor.shape, mask.shape)).sum())
    return tensor.new_empty(count)


def _index(device: SimulatedDevice, tensor: Tensor, indices: list[Tensor | None]) -> Any:
    if not any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices):
        return NotImplemented
    whole: list[Tensor | None] = []
    for index in indices:
        if index is not None and index.dtype in (torch.bool, torch.uint8):
            rows = torch.nonzero(_known(device, index))
            whole += [_received(device, column, "index: nonzero") for column in rows.unbind(1)]
        else:
            whole.append(index)
    return aten.index.Tensor(tensor, whole)


def _repeat_interleave(device: SimulatedDevice, repeats: Tensor, *, output_size: int | None = None) -> Tensor:
    value = torch.repeat_interleave(_known(device, repeats))
    return _received(device, value, "repeat_interleave")


def _bincount(device: SimulatedDevice, tensor: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    return _received(device, torch.bincount(_known(device, tensor), minlength=minlength), "bincount")


def _distinct(device: SimulatedDevice, tensor: Tensor) -> Tensor:
    """Values that are known, or as many different ones as there are elements: the largest that the result can be."""
    if device.values.of(tensor) is not None or not device.holds(tensor):
        return _known(device, tensor)
    return torch.arange(tensor.numel(), dtype=torch.float64).reshape(tensor.shape).to(tensor.dtype)


def _unique(device: SimulatedDevice, tensor: Tensor, *flags: Any, **options: Any) -> tuple[Tensor, ...]:
    results = aten._unique2.default(_distinct(device, tensor), *flags, **options)
    return tuple(_received(device, result, "unique") for result in results)


def _unique_dim(device: SimulatedDevice, tensor: Tensor, *args: Any, **options: Any) -> tuple[Tensor, ...]:
    results = aten.unique_dim.default(_distinct(device, tensor), *args, **options)
    return tuple(_received(device, result, "unique_dim") for result in results)


def _unique_consecutive(device: SimulatedDevice, tensor: Tensor, *args: Any, **options: Any) -> tuple[Tensor, ...]:
    results = aten.unique_consecutive.default(_distinct(device, tensor), *args, **options)
    return tuple(_received(device, result, "unique_consecutive") for result in results)


DYNAMIC_SHAPES: dict[Any, Callable[..., Any]] = {
    aten.nonzero.default: _nonzero,
    aten.masked_select.default: _masked_select,
    aten.index.Tensor: _index,
    aten.repeat_interleave.Tensor: _repeat_interleave,
    aten.bincount.default: _bincount,
    aten._unique2.default: _unique,
    aten.unique_dim.default: _unique_dim,
    aten.unique_consecutive.default: _unique_consecutive,
}
"""By operation; a function may give ``NotImplemented`` for a call whose shape is known after all."""
