"""Where autograd works in place, and takes another way while a dispatch mode watches.

While a mode is on, autograd takes every tensor for a subclass that might not allow writing in place: it makes zeros
and then a second tensor from them, or adds two gradients up in a third one. CUDA allocates no second or third one.
"""

from __future__ import annotations

import sys
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


def in_place_form(func: Any, args: tuple[Any, ...]) -> Any | None:
    """The operation that autograd runs on CUDA in place of ``func`` in backward; None where it is ``func`` itself."""
    form = IN_PLACE.get(func)
    if form is None or not isinstance(args[0], Tensor) or not _is_result_of_same_shape(func, args):
        return None
    if not _is_asked_by_engine():
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


def _is_asked_by_engine() -> bool:
    """Whether autograd itself runs an operation: not Python code inside of backward, such as a recomputed forward."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not _ENGINE and _hands_on(frame):
        frame = frame.f_back
    return frame is not None and frame.f_code is _ENGINE


def _hands_on(frame: FrameType) -> bool:
    """Whether code only passes an operation on: dispatch modes, ours and those on top of it.

    Never ask a frame for its ``f_locals``: up to Python 3.12 that keeps what the frame holds alive.
    """
    is_mode = frame.f_code.co_name == "__torch_dispatch__"
    return is_mode or frame.f_globals.get("__name__", "").startswith(_DISPATCH)


_OURS = (__name__, "ladderscope.memory.predict.dispatch")
_DISPATCH = (*_OURS, "torch._ops", "torch._dynamo", "torch._compile", "torch.utils._")
