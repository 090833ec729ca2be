"""Where autograd works in place, and takes another way while a dispatch mode watches.

While a mode is on, autograd takes every tensor for a subclass that might not allow writing in place: it makes zeros
and then a second tensor from them, or adds two gradients up in a third one. CUDA allocates no second or third one.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
_ENGINE = torch.autograd.graph._engine_run_backward.__code__

IN_PLACE: dict[Any, Any] = {
    aten.add.Tensor: aten.add_.Tensor,
    aten.scatter.src: aten.scatter_.src,
    aten.scatter.value: aten.scatter_.value,
    aten.scatter_add.default: aten.scatter_add_.default,
    aten.index_put.default: aten.index_put_.default,
    aten.index_add.default: aten.index_add_.default,
    aten.masked_fill.Scalar: aten.masked_fill_.Scalar,
    aten.masked_scatter.default: aten.masked_scatter_.default,
}
_KEEPS_GRADIENT = ("MaskedFillBackward", "MaskedScatterBackward", "ScatterBackward", "IndexPut")
"""Formulas that make a changed copy of the gradient that they are given (derivatives.yaml): ``grad.masked_fill``."""
_HOLDERS = 2
"""Who holds the storage of a tensor that only autograd knows: the tensor itself, and its handle in Python."""


def called_by_autograd(caller: FrameType) -> bool:
    """Whether autograd itself asks for an operation, and not Python code that runs in backward.

    That code, a custom function's or a forward pass that is run again, gets what it writes.
    """
    return caller.f_code is _ENGINE


def in_place_form(func: Any, args: tuple[Any, ...]) -> Any | None:
    """The operation that autograd runs on CUDA in place of ``func`` in backward; None where it is ``func`` itself."""
    form = IN_PLACE.get(func)
    if form is None or not isinstance(args[0], Tensor) or not _is_result_of_same_shape(func, args):
        return None
    if func is not aten.add.Tensor and _current_formula().startswith(_KEEPS_GRADIENT):
        return None
    return form if torch._C._storage_Use_Count(args[0].untyped_storage()._cdata) == _HOLDERS else None


def _current_formula() -> str:
    node: Any = torch._C._current_autograd_node()
    return str(node.name()) if node is not None else ""


def _is_result_of_same_shape(func: Any, args: tuple[Any, ...]) -> bool:
    if func is not aten.add.Tensor:
        return True
    other = args[1]
    return isinstance(other, Tensor) and other.shape == args[0].shape and other.dtype == args[0].dtype
