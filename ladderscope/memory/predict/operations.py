"""What a trace needs to know of an operation of PyTorch, looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ladderscope.memory.predict.expectations import TESTS
from ladderscope.memory.predict.kernels import MATRIX_PRODUCTS
from ladderscope.memory.predict.refusals import UnpredictableError

aten = torch.ops.aten

_UNKNOWABLE = {
    aten.empty.memory_format,
    aten.empty_strided.default,
    aten.empty_like.default,
    aten.new_empty.default,
    aten.new_empty_strided.default,
}
_VALUE_FREE = {
    aten.ones_like.default,
    aten.zeros_like.default,
    aten.full_like.default,
    aten.new_zeros.default,
    aten.new_ones.default,
    aten.new_full.default,
}


class Operation(NamedTuple):
    """An operation.

    Args:
        name: for people.
        is_composite: whether it is only made of others; inference mode hands those over as they are.
        is_view: whether its result shares its input's storage.
        is_mutable: whether it writes into an input.
        is_random: whether its values are drawn.
        is_unknowable: whether its values are whatever was in memory.
        is_value_free: whether its values do not depend on those of its input.
        is_product: whether cuBLAS runs it.
        is_bitsandbytes: whether bitsandbytes brings it.
        is_test: whether code may ask it if something has gone wrong.
        only_writes: whether all that it does is to write into lists of tensors: on `meta`, nothing.
    """

    name: str
    is_composite: bool
    is_view: bool
    is_mutable: bool
    is_random: bool
    is_unknowable: bool
    is_value_free: bool
    is_product: bool
    is_bitsandbytes: bool
    is_test: bool
    only_writes: bool


def describe_operation(func: Any) -> Operation:
    """Look an operation up; keyed by identity, since PyTorch's own hash of it is slow."""
    known = _known.get(id(func))
    if known is None:
        known = _known[id(func)] = _look_up(func)
        _kept.append(func)
    return known


def tensors_in(values: Iterable[Any]) -> list[Tensor]:
    """All tensors among ``values``, and in lists and tuples of them, in order."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_in(value)
    return found


_known: dict[int, Operation] = {}
_kept: list[Any] = []
"""Keeps what ``_known`` has seen alive, so that no other object gets its identity."""


def _has_kernel(func: Any, key: str) -> bool:
    """Whether PyTorch has a kernel; one for CPUs stands for CUDA's, which this build of PyTorch may lack."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key))


def _is_view_in_place(func: Any) -> bool:
    """Whether it changes nothing but a tensor's shape: ``t_``; those that change its storage are none of them."""
    return torch.Tag.inplace_view in func.tags and not _changes_storage(func)


def _changes_storage(func: Any) -> bool:
    """Whether it gives a tensor another storage, or one of another size; it writes no values."""
    return func._schema.name in ("aten::resize_", "aten::resize_as_", "aten::set_")


def _only_writes(func: Any) -> bool:
    return bool(
        func._schema.is_mutable and not func._schema.returns and func.__name__.startswith(("_foreach", "_fused"))
    )


def _look_up(func: Any) -> Operation:
    if not isinstance(func, torch._ops.OpOverload):
        raise UnpredictableError(f"predict_memory cannot follow {func}: only compiled code knows what it takes.")
    return Operation(
        name=str(func).removeprefix("aten.").removesuffix(".default"),
        is_composite=_has_kernel(func, "CompositeImplicitAutograd") and not _has_kernel(func, "CPU"),
        is_view=bool(func.is_view) or _is_view_in_place(func),
        is_mutable=bool(func._schema.is_mutable) and not _changes_storage(func),
        is_random=torch.Tag.nondeterministic_seeded in func.tags,
        is_unknowable=func in _UNKNOWABLE or _changes_storage(func),
        is_value_free=func in _VALUE_FREE,
        is_product=func in MATRIX_PRODUCTS,
        is_bitsandbytes=func.namespace == "bitsandbytes",
        is_test=func in TESTS,
        only_writes=_only_writes(func),
    )
