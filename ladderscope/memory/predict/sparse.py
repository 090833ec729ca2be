"""Sparse tensors (COO) on the simulated device: their indices and values are what takes memory.

PyTorch makes sparse tensors on `meta`, but computes with none of them there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ladderscope.memory.predict.device import SimulatedDevice

aten = torch.ops.aten
META = torch.device("meta")
_MAKE = aten._sparse_coo_tensor_with_dims_and_tensors.default


def _make(_: SimulatedDevice, *args: Any, **kwargs: Any) -> Tensor:
    made: Tensor = _MAKE(*args, **kwargs)
    return made


def _new(device: SimulatedDevice, shape: Any, dtype: torch.dtype, operation: str) -> Tensor:
    made = torch.empty(shape, dtype=dtype, device=META)
    device.track(made, operation)
    return made


def _sparse(like: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    dims = (like.sparse_dim(), like.dense_dim(), list(like.shape), indices, values)
    options = {"dtype": values.dtype, "layout": torch.sparse_coo, "device": META, "pin_memory": False}
    made: Tensor = _MAKE(*dims, **options, is_coalesced=True)
    return made


def _coalesce(device: SimulatedDevice, sparse: Tensor) -> Tensor:
    """As many entries as before: the most that can be left. Positions and order are sorted (SparseCUDATensor.cu)."""
    indices, values = sparse._indices(), sparse._values()
    positions = [_new(device, indices.shape[1:], torch.int64, "_coalesce: positions") for _ in range(2)]
    made = (_new(device, old.shape, old.dtype, "_coalesce") for old in (indices, values))
    result = _sparse(sparse, *made)
    del positions
    return result


def _add(device: SimulatedDevice, dense: Tensor, other: Any, *, alpha: Any = 1) -> Any:
    if not isinstance(other, Tensor) or other.layout is not torch.sparse_coo or dense.layout is not torch.strided:
        return NotImplemented
    dtype = torch.promote_types(dense.dtype, other.dtype)
    positions = _new(device, other._indices().shape[1:], torch.int64, "add: positions")
    result = _new(device, dense.shape, dtype, "add")
    del positions
    return result


def _add_in_place(device: SimulatedDevice, dense: Tensor, other: Any, *, alpha: Any = 1) -> Any:
    if not isinstance(other, Tensor) or other.layout is not torch.sparse_coo or dense.layout is not torch.strided:
        return NotImplemented
    _new(device, other._indices().shape[1:], torch.int64, "add_: positions")
    return dense


def _to_dense(device: SimulatedDevice, sparse: Tensor, dtype: torch.dtype | None = None, **options: Any) -> Any:
    if sparse.layout is not torch.sparse_coo:
        return NotImplemented
    return _new(device, sparse.shape, dtype or sparse.dtype, "to_dense")


def _sparse_mask(device: SimulatedDevice, tensor: Tensor, mask: Tensor) -> Tensor:
    """The entries of ``tensor`` at the places of ``mask``, whose indices the result shares."""
    values = _new(device, mask._values().shape, tensor.dtype, "sparse_mask")
    return _sparse(mask, mask._indices(), values)


SPARSE: dict[Any, Callable[..., Any]] = {
    _MAKE: _make,
    aten._coalesce.default: _coalesce,
    aten.add.Tensor: _add,
    aten.add_.Tensor: _add_in_place,
    aten._to_dense.default: _to_dense,
    aten.sparse_mask.default: _sparse_mask,
}
"""By operation; a function may give ``NotImplemented`` for a call without sparse tensors."""
