"""Follows every operation of running code on the simulated device, and what it allocates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from ladderscope.memory.predict.answers import ANSWERS
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.dynamic_shapes import DYNAMIC_SHAPES
from ladderscope.memory.predict.expectations import expected_answer, kept_as_it_is
from ladderscope.memory.predict.formulas import in_place_form
from ladderscope.memory.predict.kernels import Temporaries
from ladderscope.memory.predict.operations import Operation, describe_operation, tensors_in
from ladderscope.memory.predict.resizing import RESIZING
from ladderscope.memory.predict.rules import Rules
from ladderscope.memory.predict.shape_cache import ShapeCache
from ladderscope.memory.predict.sparse import SPARSE
from ladderscope.memory.predict.workspaces import Workspaces
from ladderscope.torch_internals import FollowingMode

aten = torch.ops.aten
META = torch.device("meta")
_FAKE = torch._C._TorchDispatchModeKey.FAKE
_FEW = 8
_BY_VALUES = {id(func): kernel for func, kernel in (DYNAMIC_SHAPES | SPARSE | RESIZING | ANSWERS).items()}
"""Kernels that need values, or another layout, by the identity of their operation."""


class DeviceMode(FollowingMode):
    """Sends what runs on the simulated device to `meta`, and allocates what CUDA would.

    Args:
        device: the simulated device.
        rules: what CUDA would do.
        workspaces: of its matrix products.
    """

    def __init__(self, device: SimulatedDevice, rules: Rules, workspaces: Workspaces) -> None:
        super().__init__()
        self._device = device
        self._rules = rules
        self._workspaces = workspaces
        self._shapes = ShapeCache()
        self._copies = {id(func): make for func, make in rules.copies.items()}
        self._temporaries = {id(func): make for func, make in rules.temporaries.items()}
        self._outer = ""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if types and any(hasattr(kind, "_local_tensor") for kind in types):
            # A distributed tensor takes its operations apart itself: what they do to its local part comes here.
            return NotImplemented
        if torch._C._get_dispatch_mode(_FAKE) is not None:
            return func(*args, **(kwargs or {}))  # code tries out what shapes would come out, and allocates nothing
        kwargs = dict(kwargs) if kwargs else {}
        here = False
        if "device" in kwargs:
            here, args, kwargs = self._redirect(args, kwargs)
        operation = describe_operation(func)
        if operation.is_view and not operation.is_composite:
            with self._device.lock:
                return self._on_meta(func, args, kwargs)  # nothing is allocated, no value changes
        if operation.is_composite and self._device.expects_copy:
            with self:
                return func.decompose(*args, **kwargs)
        tensors = self._device.held(tensors_in((*args, *kwargs.values()) if kwargs else args))
        if not here and not tensors:
            return func(*args, **kwargs)  # not under the lock: it may wait for another thread
        with self._device.lock:
            return self._follow(func, operation, tensors, args, kwargs)

    def _follow(
        self, func: Any, operation: Operation, tensors: list[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func is aten.copy_.default and not self._device.holds(args[0]):
            return func(args[0], self._device.to_host(args[1]), *args[2:], **kwargs)
        if operation.is_composite:
            with self:
                return func.decompose(*args, **kwargs)
        if func is aten._local_scalar_dense.default:
            return self._read(args[0])
        if operation.is_bitsandbytes:
            kernel = self._rules.bitsandbytes(func)
            if kernel is not None:
                return self._run_replacement(operation, kernel, args, kwargs)
        kernel = _BY_VALUES.get(id(func))
        if kernel is not None:
            result = self._run_kernel(kernel, args, kwargs)
            if result is not NotImplemented:
                return self._finish(func, operation, result, tensors, args, kwargs)
        if torch._C._current_autograd_node() is not None:
            in_place = in_place_form(func, args)
            if in_place is not None:
                func, operation = in_place, describe_operation(in_place)
        return self._run(func, operation, tensors, args, kwargs)

    def _run_kernel(self, kernel: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inside, self._device.inside_kernel = self._device.inside_kernel, True
        try:
            return kernel(self._device, *args, **kwargs)
        finally:
            self._device.inside_kernel = inside

    # ---- one operation ---------------------------------------------------------------------------------------------

    def _run(
        self, func: Any, operation: Operation, tensors: list[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        copies = self._make(self._copies, func, operation, args, kwargs)
        out = self._on_meta(func, args, kwargs)
        out = self._finish(func, operation, out, tensors, args, kwargs)
        temporaries = self._make(self._temporaries, func, operation, args, kwargs)
        if operation.is_product:
            self._workspaces.use()
        del copies, temporaries  # alive until here: inside of the kernel, they and its results are
        return out

    def _make(
        self,
        by_operation: Mapping[int, Temporaries],
        func: Any,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> list[Tensor]:
        make = by_operation.get(id(func))
        return [] if make is None else self._run_replacement(operation, make, args, kwargs)

    def _on_meta(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inside, self._device.inside_kernel = self._device.inside_kernel, True
        try:
            return self._shapes.call(func, args, kwargs)
        finally:
            self._device.inside_kernel = inside

    def _run_replacement(
        self, operation: Operation, kernel: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run ``kernel`` with its own operations followed, as part of ``operation``."""
        outer, self._outer = self._outer, f"{operation.name}: "
        try:
            with self:
                return kernel(*args, **kwargs)
        finally:
            self._outer = outer

    def _finish(
        self,
        func: Any,
        operation: Operation,
        out: Any,
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        made = [tensor for tensor in tensors_in((out,)) if tensor.layout is torch.strided]
        for tensor in made:
            self._device.track(tensor, self._outer + operation.name)
        self._follow_values(func, operation, made, tensors, args, kwargs)
        return out

    def _redirect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, tuple[Any, ...], dict[str, Any]]:
        """Whether code asks for a tensor on this device; if so, with the device that PyTorch is to see instead."""
        if kwargs.get("pin_memory"):
            kwargs = {**kwargs, "pin_memory": False}  # needs a driver, and takes host memory alone
        target = kwargs.get("device")
        if target is None:
            return False, args, kwargs
        if target.type == "cuda":
            return True, args, {**kwargs, "device": META}
        if target.type == "meta" and (self._device.expects_copy or self._device.takes_meta):
            self._device.expects_copy = False
            return True, args, kwargs
        if target.type == "cpu" and args and isinstance(args[0], Tensor) and self._device.holds(args[0]):
            return False, (self._device.to_host(args[0]), *args[1:]), kwargs
        return False, args, kwargs

    # ---- values ----------------------------------------------------------------------------------------------------

    def _read(self, tensor: Tensor) -> Any:
        """A number that code asks for. One, or true, where nobody knows."""
        known = self._device.values.of(tensor)
        return known.item() if known is not None else torch.ones((), dtype=tensor.dtype).item()

    def _follow_values(
        self,
        func: Any,
        operation: Operation,
        made: list[Tensor],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        values = self._device.values
        if operation.is_mutable:
            self._follow_write(func, operation, tensors, args, kwargs)
            return
        if operation.is_unknowable or operation.is_random:
            return
        expected = expected_answer(func, args) if operation.is_test else None
        if expected is not None and values.of(tensors[0]) is None:
            values.keep(made[0], torch.tensor(expected))
            return
        if not any(values.is_small(tensor) and values.of(tensor) is None for tensor in made):
            return
        if operation.is_value_free:
            args = (torch.empty(args[0].shape, dtype=args[0].dtype), *args[1:])
        elif any(values.of(tensor) is None for tensor in tensors) or not self._is_known_or_host(args):
            return
        host_args, host_kwargs = self._on_host(args), self._on_host(kwargs)
        for tensor, value in zip(made, tensors_in((func(*host_args, **host_kwargs),)), strict=True):
            values.keep(tensor, value)

    def _follow_write(
        self, func: Any, operation: Operation, tensors: list[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        values = self._device.values
        if len(tensors) > _FEW and not any(map(values.is_small, tensors)):
            return  # lists of parameters
        written = _written(func, args, kwargs)
        if not any(self._device.holds(tensor) and values.of(tensor) is not None for tensor in written):
            if len(written) == 1 and self._device.holds(written[0]) and _is_whole(written[0]):
                self._keep_what_is_written(func, written[0], args, kwargs)
            return
        unknown = any(values.of(tensor) is None for tensor in tensors)
        if operation.is_random or unknown or not self._is_known_or_host((*args, *kwargs.values())):
            for tensor in written:
                if tensor is not kept_as_it_is(func, args):
                    values.forget(tensor.untyped_storage()._cdata)
            return
        func(*self._on_host(args), **self._on_host(kwargs))

    def _keep_what_is_written(self, func: Any, target: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Filling and copying over make all values of a tensor known."""
        values = self._device.values
        if not values.is_small(target):
            return
        if func in (aten.fill_.Scalar, aten.zero_.default):
            values.keep(target, torch.full((), args[1] if len(args) > 1 else 0, dtype=target.dtype))
        elif func is aten.copy_.default:
            source = args[1] if not self._device.holds(args[1]) else values.of(args[1])
            if source is not None and not source.is_meta:
                values.keep(target, source)

    def _is_known_or_host(self, arguments: Iterable[Any]) -> bool:
        """Whether no tensor among them is one without data that is not on the device, such as a written scalar."""
        return all(self._device.holds(tensor) or not tensor.is_meta for tensor in tensors_in(arguments))

    def _on_host(self, tree: Any) -> Any:
        def value(tensor: Tensor) -> Any:
            return self._device.values.of(tensor) if self._device.holds(tensor) else tensor

        mapped = tree_map_only(Tensor, value, tree)
        return {**mapped, "device": torch.device("cpu")} if isinstance(mapped, dict) and "device" in mapped else mapped


def _is_whole(tensor: Tensor) -> bool:
    return tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()


def _written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    written: list[Any] = []
    for index, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            written.append(args[index] if index < len(args) else kwargs.get(argument.name))
    return tensors_in(written)
