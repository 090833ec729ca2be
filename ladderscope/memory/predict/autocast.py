"""Autocast for simulated tensors: the same dispatch step that CUDA's autocast takes, with the same lists.

PyTorch's own autocast asks every tensor whether it is on CUDA, which a simulated one is not to C++. So a dispatch key
that no backend uses is switched on in its place, with kernels that cast as CUDA's do (ATen/autocast_mode.h, .cpp).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.library import Library, fallthrough_kernel
from torch.utils._pytree import tree_map_only

from ladderscope.errors import UsageError
from ladderscope.memory.predict.autocast_lists import FP32, FP32_SET_OPT_DTYPE, LOWER_PRECISION_FP, PROMOTE
from ladderscope.memory.predict.device import SimulatedDevice

_KEY_NAME = "AutocastPrivateUse1"
_KEY: Any = getattr(torch._C.DispatchKey, _KEY_NAME)
MADE_BEFORE = (
    "this autocast context was made before predict_memory and is off, since PyTorch found no GPU then or because of "
    'enabled=False: make it, or import the "@torch.autocast" function, inside of predict_memory.'
)
_ONLY_KEY = torch._C.DispatchKeySet(_KEY)


class SimulatedAutocast:
    """The casts of ``torch.autocast("cuda")``, and the cache of weights that were cast inside of it.

    Args:
        device: whose tensors are cast.
    """

    def __init__(self, device: SimulatedDevice) -> None:
        self._device: SimulatedDevice = weakref.proxy(device)  # PyTorch never lets go of a kernel
        self._cache: dict[Tensor, Tensor] = {}
        self._depth = 0
        self._made_here: weakref.WeakSet[Any] = weakref.WeakSet()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Make ``torch.autocast`` work on simulated tensors inside."""
        kernels = Library("aten", "IMPL")
        fallback = Library("_", "IMPL")
        fallback.fallback(fallthrough_kernel, _KEY_NAME)
        for names, make in (
            (LOWER_PRECISION_FP, self._lower),
            (FP32, self._higher),
            (FP32_SET_OPT_DTYPE, self._with_fp32_result),
            (PROMOTE, self._widest),
        ):
            for name in names:
                kernels.impl(name, make(_operation(name)), _KEY_NAME)
        autocast: Any = torch.amp.autocast_mode.autocast
        construct, enter, leave = autocast.__init__, autocast.__enter__, autocast.__exit__
        self._depth = depth_of_autocast()
        try:
            with (
                mock.patch.object(autocast, "__init__", self._making(construct)),
                mock.patch.object(autocast, "__enter__", self._entering(enter)),
                mock.patch.object(autocast, "__exit__", self._leaving(leave)),
                mock.patch.object(torch, "set_autocast_enabled", self._setting(torch.set_autocast_enabled)),
            ):
                self._switch(torch.is_autocast_enabled("cuda"))
                yield
        finally:
            self._switch(False)
            kernels._destroy()
            fallback._destroy()

    # ---- the context -----------------------------------------------------------------------------------------------

    def _making(self, make: Callable[..., None]) -> Callable[..., None]:
        def making(context: Any, *args: Any, **kwargs: Any) -> None:
            make(context, *args, **kwargs)
            self._made_here.add(context)

        return making

    def _setting(self, enable: Callable[..., None]) -> Callable[..., None]:
        def setting(*args: Any, **kwargs: Any) -> None:
            enable(*args, **kwargs)
            self._switch(torch.is_autocast_enabled("cuda"))

        return setting

    def _entering(self, enter: Callable[..., Any]) -> Callable[..., Any]:
        def entering(context: Any) -> Any:
            if context.device == "cuda" and not context._enabled and context not in self._made_here:
                raise UsageError(MADE_BEFORE)
            result = enter(context)
            self._depth += 1
            self._switch(torch.is_autocast_enabled("cuda"))
            return result

        return entering

    def _leaving(self, leave: Callable[..., Any]) -> Callable[..., Any]:
        def leaving(context: Any, *exception: Any) -> Any:
            result = leave(context, *exception)
            self._depth -= 1
            if self._depth == 0:
                self._cache.clear()
            self._switch(torch.is_autocast_enabled("cuda"))
            return result

        return leaving

    @staticmethod
    def _switch(on: bool) -> None:
        torch._C._dispatch_tls_set_dispatch_key_excluded(_KEY, not on)
        torch._C._dispatch_tls_set_dispatch_key_included(_KEY, on)

    # ---- the casts -------------------------------------------------------------------------------------------------

    def _lower(self, operation: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(_ONLY_KEY):
                dtype = torch.get_autocast_dtype("cuda")
                return operation(*self._cast(args, dtype), **self._cast(kwargs, dtype))

        return kernel

    def _higher(self, operation: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(_ONLY_KEY):
                return operation(*self._cast(args, torch.float32), **self._cast(kwargs, torch.float32))

        return kernel

    def _with_fp32_result(self, operation: Any) -> Callable[..., Any]:
        """No cast of the input: the kernel is told to compute and to give fp32."""

        def kernel(*args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(_ONLY_KEY):
                dtype_at = [argument.name for argument in operation._schema.arguments].index("dtype")
                given = args[dtype_at] if len(args) > dtype_at else kwargs.get("dtype")
                if given is None and self._is_eligible(args[0]):
                    args, kwargs = args[:dtype_at], {**kwargs, "dtype": torch.float32}
                return operation(*args, **kwargs)

        return kernel

    def _widest(self, operation: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(_ONLY_KEY):
                floats = [arg.dtype for arg in args if isinstance(arg, Tensor) and self._is_eligible(arg)]
                widest = torch.float32 if torch.float32 in floats else torch.get_autocast_dtype("cuda")
                return operation(*self._cast(args, widest), **self._cast(kwargs, widest))

        return kernel

    def _cast(self, values: Any, dtype: torch.dtype) -> Any:
        return tree_map_only(Tensor, lambda tensor: self._cast_one(tensor, dtype), values)

    def _cast_one(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        if tensor.dtype == dtype or not self._is_eligible(tensor):
            return tensor
        is_weight = tensor.requires_grad and tensor.is_leaf and tensor.dtype == torch.float32 and not tensor._is_view()
        if not (is_weight and dtype != torch.float32 and torch.is_autocast_cache_enabled()):
            return tensor.to(dtype)
        if tensor not in self._cache:
            self._cache[tensor] = tensor.to(dtype)
        return self._cache[tensor]

    def _is_eligible(self, tensor: Tensor) -> bool:
        return tensor.is_floating_point() and tensor.dtype != torch.float64 and self._device.holds(tensor)


def depth_of_autocast() -> int:
    """In how many autocast contexts the running code is."""
    torch.autocast_increment_nesting()
    return int(torch.autocast_decrement_nesting())


def refuse_autocast_without_gpu() -> None:
    """Refuse to start inside of an autocast context that PyTorch has switched off, as it found no GPU.

    Raises:
        UsageError: there is one; one that was entered with ``enabled=False`` looks the same.
    """
    on = any(torch.is_autocast_enabled(kind) for kind in ("cuda", "cpu"))
    if depth_of_autocast() and not on:
        raise UsageError(MADE_BEFORE)


def _operation(name: str) -> Any:
    base, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, base), overload or "default")
