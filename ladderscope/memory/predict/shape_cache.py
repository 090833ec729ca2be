"""Shapes of results, remembered: what an operation gave for inputs of certain shapes, it gives again.

A model repeats its blocks, and a step repeats the last one. PyTorch's kernels for `meta` that are written in Python
take most of the time of a trace; a tensor of a known shape is made in a microsecond.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ladderscope.memory.predict.operations import describe_operation, tensors_in
from ladderscope.torch_internals import is_on_meta

META = torch.device("meta")


class _Fresh(NamedTuple):
    """A new tensor of this form."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def make(self) -> Tensor:
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device=META)


class _Constant(NamedTuple):
    """A result that is no tensor."""

    value: Any


class _Argument(NamedTuple):
    """The argument at this place, written in place."""

    position: int


_UNCACHEABLE = object()
_PLAIN = bool | int | float | None


class ShapeCache:
    """Calls operations on `meta`, and answers from memory where it can."""

    def __init__(self) -> None:
        self._results: dict[Any, Any] = {}

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of ``func``: run, or made anew in the form that it had before."""
        operation = describe_operation(func)
        if operation.only_writes:
            return None
        # PyTorch's own way to make a view is as fast.
        if operation.is_view:
            return func(*args, **kwargs)
        try:
            key = _key(func, args, kwargs)
            known = self._results.get(key)
        except TypeError:  # an argument that tells nothing of the result, or cannot be remembered
            return func(*args, **kwargs)
        if known is None:
            out = func(*args, **kwargs)
            self._results[key] = _describe(out, args, kwargs)
            return out
        if known is _UNCACHEABLE:
            return func(*args, **kwargs)
        return _rebuild(known, args)


def _key(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not kwargs:
        return id(func), _describe_inputs(args)
    return id(func), _describe_inputs(args), *[(name, _describe_input(value)) for name, value in kwargs.items()]


def _describe_inputs(values: Any) -> tuple[Any, ...]:
    return tuple([_describe_input(value) for value in values])


def _describe_input(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            raise TypeError("a sparse tensor has no form that tells what becomes of it")
        return (value.shape, value.stride(), value.dtype, is_on_meta(value))
    if isinstance(value, list | tuple):
        return _describe_inputs(value)
    return (type(value), value)


def _describe(out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    inputs = {value.untyped_storage()._cdata for value in tensors_in((args, tuple(kwargs.values())))}
    outputs = [out] if isinstance(out, Tensor) else out
    if not isinstance(outputs, list | tuple):
        return _UNCACHEABLE
    described: list[Any] = []
    for tensor in outputs:
        position = next((i for i, arg in enumerate(args) if arg is tensor), None)
        if position is not None:
            described.append(_Argument(position))
        elif isinstance(tensor, _PLAIN):
            described.append(_Constant(tensor))
        elif not isinstance(tensor, Tensor):
            return _UNCACHEABLE  # a list of tensors, or the work of a collective
        elif (
            tensor.untyped_storage()._cdata in inputs
            or not tensor.is_meta
            or tensor.storage_offset()
            or _is_spread(tensor)
        ):
            return _UNCACHEABLE
        else:
            described.append(_Fresh(tuple(tensor.shape), tensor.stride(), tensor.dtype))
    return described[0] if isinstance(out, Tensor) else (type(out), described)


def _is_spread(tensor: Tensor) -> bool:
    """Whether the storage has more or fewer bytes than the shape needs."""
    return tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()


def _rebuild(known: Any, args: tuple[Any, ...]) -> Any:
    if isinstance(known, _Fresh):
        return known.make()
    if isinstance(known, _Argument):
        return args[known.position]
    if isinstance(known, _Constant):
        return known.value
    kind, parts = known
    return kind([_rebuild(part, args) for part in parts])
