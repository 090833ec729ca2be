"""Simulated tensors: which tensors stand for CUDA ones, and what they answer to where they are.

A simulated tensor is a tensor on `meta` whose storage the device knows. Code is to see it on ``cuda:0``; PyTorch
itself is to see it on `meta`, the one device without data on which autograd runs without CUDA.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.storages import CUDA, storage_attributes
from ladderscope.torch_internals import is_on_meta

META = torch.device("meta")


@contextmanager
def tensors_answer_cuda(device: SimulatedDevice) -> Iterator[None]:
    """Make simulated tensors answer to ``.device``, ``.is_cuda``, ``.to``, ``.cuda``, ``.cpu``... as CUDA ones do."""
    attributes = {
        **_properties(device),
        **_moves(device),
        "data_ptr": _data_ptr(device, Tensor.data_ptr),
        "get_device": _get_device(device, Tensor.get_device),
        "tolist": _tolist(device, Tensor.tolist),
        "__repr__": _repr(device, Tensor.__repr__),
        "pin_memory": lambda tensor, *args, **kwargs: tensor,
        "is_pinned": lambda tensor, *args, **kwargs: False,
        "record_stream": lambda tensor, stream: None,  # all streams are one
    }
    with (
        mock.patch.multiple(torch.Tensor, **attributes, new_tensor=_new_tensor),
        mock.patch.multiple(torch.UntypedStorage, **storage_attributes(device)),
        mock.patch.multiple(torch, **_constructors(device), Generator=_Generator),
        mock.patch.object(torch._VF, "_pad_packed_sequence", _received(device, torch._VF._pad_packed_sequence)),
        mock.patch.object(torch, "_has_compatible_shallow_copy_type", _always),
    ):
        yield


def _new_tensor(tensor: Tensor, data: Any, *, dtype: Any = None, device: Any = None, **kwargs: Any) -> Tensor:
    return torch.tensor(data, dtype=dtype or tensor.dtype, device=device or tensor.device, **kwargs)


def _received(device: SimulatedDevice, make: Callable[..., Any]) -> Callable[..., Any]:
    """``make``, whose own code makes its result on the device of its first argument, which to it is `meta`."""

    def made(first: Tensor, *args: Any, **kwargs: Any) -> Any:
        with device.receiving(first) if device.holds(first) else contextlib.nullcontext():
            return make(first, *args, **kwargs)

    return made


def _always(one: Tensor, other: Tensor) -> bool:
    """True. No mock object, which would keep the tensors that it is called with."""
    return True


def _getter(descriptor: Any) -> Callable[[Any], Any]:
    getter: Callable[[Any], Any] = descriptor.__get__
    return getter


def _properties(device: SimulatedDevice) -> dict[str, Any]:
    base = torch._C.TensorBase
    real_device, is_meta, is_cpu = (_getter(getattr(base, name)) for name in ("device", "is_meta", "is_cpu"))
    return {
        "device": property(_where_tensor(device, real_device)),
        "is_cuda": property(device.holds),
        "is_meta": property(lambda tensor: is_meta(tensor) and not device.holds(tensor)),
        "is_cpu": property(is_cpu),
        "data": property(_getter(base.data), _set_data(device)),
    }


def _set_data(device: SimulatedDevice) -> Callable[[Tensor, Tensor], None]:
    data: Any = torch._C.TensorBase.data

    def set_data(tensor: Tensor, value: Tensor) -> None:
        if device.holds(tensor) == device.holds(value) and is_on_meta(tensor) == is_on_meta(value):
            data.__set__(tensor, value)
            return
        # PyTorch lets data move between host and CUDA, but not between host and `meta`.
        moved = value.detach().requires_grad_(tensor.requires_grad)
        torch._C._swap_tensor_impl(tensor, moved)

    return set_data


def _where_tensor(device: SimulatedDevice, real: Callable[[Tensor], torch.device]) -> Callable[[Tensor], torch.device]:
    def where(tensor: Tensor) -> torch.device:
        found = real(tensor)
        # Kernels of PyTorch for `meta` that are written in Python ask too, and are to get the truth.
        if found.type == "meta" and not device.runs_kernel_here() and device.holds(tensor):
            return CUDA
        return found

    return where


def _data_ptr(device: SimulatedDevice, real: Callable[[Tensor], int]) -> Callable[[Tensor], int]:
    def data_ptr(tensor: Tensor) -> int:
        address = device.address_of(tensor.untyped_storage())
        return real(tensor) if address is None else address + int(tensor.storage_offset()) * tensor.element_size()

    return data_ptr


def _get_device(device: SimulatedDevice, real: Callable[[Tensor], int]) -> Callable[[Tensor], int]:
    return lambda tensor: 0 if device.holds(tensor) else int(real(tensor))


def _tolist(device: SimulatedDevice, real: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    return lambda tensor: real(device.to_host(tensor) if device.holds(tensor) else tensor)


def _repr(device: SimulatedDevice, real: Callable[..., str]) -> Callable[..., str]:
    def text(tensor: Tensor, **options: Any) -> str:
        if not device.holds(tensor):
            return real(tensor, **options)
        known = device.values.of(tensor)
        inside = "..." if known is None else str(known.tolist())
        return f"tensor({inside}, device='cuda:0', size={tuple(tensor.shape)}, dtype={tensor.dtype})"

    return text


# ---- moving between devices ----------------------------------------------------------------------------------------


def _moves(device: SimulatedDevice) -> dict[str, Any]:
    real_to, real_type = Tensor.to, Tensor.type

    def to(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not kwargs and len(args) == 1 and isinstance(args[0], torch.dtype):
            return real_to(tensor, args[0])
        asked = _Move.parse(args, kwargs)
        if asked.device is None or asked.device.type not in ("cuda", "cpu"):
            return real_to(tensor, *args, **kwargs)
        here = device.holds(tensor)
        options: dict[str, Any] = {"copy": asked.copy, "memory_format": asked.memory_format}
        dtype = asked.dtype or tensor.dtype
        if asked.device.type == "cpu":
            return real_to(device.to_host(tensor) if here else tensor, asked.device, dtype, **options)
        if here:
            return real_to(tensor, dtype, **options)
        if tensor.is_meta:
            # A tensor without data stands for one of the host: so a model can be loaded that the host has no room for.
            return torch.empty_like(tensor, dtype=dtype, device="cuda", requires_grad=False)
        with device.receiving(tensor):
            return real_to(tensor, META, dtype, **options)

    def to_type(tensor: Tensor, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if dtype is None and device.holds(tensor):
            return real_type(tensor).replace("torch.meta.", "torch.cuda.")
        return real_type(tensor, dtype, *args, **kwargs)

    return {
        "to": to,
        "type": to_type,
        "cuda": lambda tensor, device=None, non_blocking=False, **_: to(tensor, "cuda", non_blocking=non_blocking),
        "cpu": lambda tensor, **_: to(tensor, "cpu"),
    }


@dataclass
class _Move:
    """What ``Tensor.to`` was asked for."""

    device: torch.device | None = None
    dtype: torch.dtype | None = None
    copy: bool = False
    memory_format: torch.memory_format = torch.preserve_format

    @classmethod
    def parse(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Move:
        """A tensor in place of a device stands for its device and dtype; the second flag given by position is copy."""
        move, flags = cls(), []
        for value in (*args, kwargs.get("device"), kwargs.get("dtype"), kwargs.get("other")):
            if isinstance(value, Tensor):
                move.device, move.dtype = value.device, value.dtype
            elif isinstance(value, torch.dtype):
                move.dtype = value
            elif isinstance(value, bool):
                flags.append(value)
            elif value is not None:
                move.device = torch.device("cuda", value) if isinstance(value, int) else torch.device(value)
        move.copy = kwargs.get("copy", flags[1] if len(flags) > 1 else False)
        move.memory_format = kwargs.get("memory_format") or torch.preserve_format
        return move


# ---- making tensors from data --------------------------------------------------------------------------------------


def _constructors(device: SimulatedDevice) -> dict[str, Any]:
    return {name: _on_host_first(getattr(torch, name)) for name in ("tensor", "as_tensor", "asarray")}


def _on_host_first(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """PyTorch fills tensors from Python data behind the back of every mode: fill them on the host, then move them."""

    def constructor(data: Any, *args: Any, device: Any = None, **kwargs: Any) -> Tensor:
        if isinstance(data, Tensor) and device is None and make.__name__ != "tensor":
            device = data.device
        if isinstance(data, list | tuple) and any(isinstance(leaf, Tensor) for leaf in _leaves(data)):
            if not args and kwargs.get("dtype") is None:
                kwargs["dtype"] = functools.reduce(torch.promote_types, {_dtype_of(leaf) for leaf in _leaves(data)})
            data = _with_numbers(data)
        target = torch.device(device if device is not None else _default_device())
        if target.type != "cuda":
            return make(data, *args, device=device, **kwargs)
        requires_grad = kwargs.pop("requires_grad", False)
        if isinstance(data, Tensor):
            made = data.detach().to(target, kwargs.get("dtype"))
        else:
            made = make(data, *args, device="cpu", **kwargs).to(target)
        return made.requires_grad_() if requires_grad else made

    return constructor


def _leaves(data: Any) -> Iterator[Any]:
    for part in data:
        if isinstance(part, list | tuple):
            yield from _leaves(part)
        else:
            yield part


def _dtype_of(leaf: Any) -> torch.dtype:
    """In which PyTorch holds a tensor or a number; of several, it makes a tensor in the one that holds them all."""
    if isinstance(leaf, Tensor):
        return leaf.dtype
    if isinstance(leaf, bool):
        return torch.bool
    return torch.int64 if isinstance(leaf, int) else torch.get_default_dtype()


def _with_numbers(data: Any) -> Any:
    """Python data with the numbers that its tensors hold; reading them is one of the things done behind every mode."""
    if isinstance(data, Tensor):
        return data.tolist()
    if isinstance(data, list | tuple) and any(isinstance(part, Tensor | list | tuple) for part in data):
        return [_with_numbers(part) for part in data]
    return data


def _default_device() -> Any:
    """The device of an enclosing ``with torch.device(...)``; ``get_default_device`` would make a tensor to see."""
    for mode in reversed(_get_current_function_mode_stack()):
        if isinstance(mode, DeviceContext):
            return mode.device
    chosen = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return "cpu" if chosen is None else chosen.device


class _Generator(torch.Generator):
    """A random number generator of the host, whatever device it is made for: simulated tensors draw no numbers."""

    def __new__(cls, device: Any = "cpu") -> Any:
        make: Any = super().__new__
        return make(cls, "cpu")

    def __init__(self, device: Any = "cpu") -> None:
        pass
