"""bitsandbytes' own Python code for CUDA, with its compiled library left out.

That code makes every buffer, and decides by architecture and number of rows whether a 4-bit product unpacks the whole
weight first. Only what it would launch is replaced, by nothing.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest import mock

import torch

Kernel = Callable[..., Any]


class _NoLibrary:
    """Stands for the compiled library: every function of it returns success."""

    def __getattr__(self, name: str) -> Any:
        return _Function()


class _Function:
    argtypes: Any = None
    restype: Any = None

    def __call__(self, *args: Any) -> int:
        return 0


def _all_on_gpu(tensors: Any) -> bool:
    # No Mock: it would remember the tensors that it is called with, and so keep them alive.
    return True


def _get_paged(*shape: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> torch.Tensor:
    """What pages between GPU and host: CUDA's managed memory, which is no part of PyTorch's allocator."""
    paged: Any = torch.empty(shape, dtype=dtype, device="meta")
    paged.is_paged = True
    paged.page_deviceid = 0
    return cast("torch.Tensor", paged)


def load_backend(backend: str, library: Any = None) -> tuple[ModuleType, dict[str, Kernel]]:
    """A copy of the module with the kernels of a backend, by operation; PyTorch is told of none of them.

    Args:
        backend: ``cuda``, ``cpu`` or ``default``.
        library: what stands for the compiled library; by default one whose functions do nothing.
    """
    import bitsandbytes
    from bitsandbytes import _ops, cextension

    kernels: dict[str, Kernel] = {}

    def collect(name: str, device: str) -> Callable[[Kernel], Kernel]:
        def register(kernel: Kernel) -> Kernel:
            kernels[name] = kernel
            return kernel

        return register

    path = Path(bitsandbytes.__file__).parent / "backends" / backend / "ops.py"
    # A name inside of its package, so that its relative imports work.
    spec = importlib.util.spec_from_file_location(f"bitsandbytes.backends.{backend}.without_library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with (
        mock.patch.object(cextension, "lib", library or _NoLibrary()),
        mock.patch.object(_ops, "register_kernel", collect),
        mock.patch.object(torch._C, "_cuda_getCurrentRawStream", mock.Mock(return_value=0), create=True),
    ):
        spec.loader.exec_module(module)
    return module, kernels


@functools.cache
def _load() -> tuple[ModuleType, dict[str, Kernel]]:
    """The module for CUDA, and all kernels by operation; what has none for CUDA runs the one for any device."""
    _, everywhere_kernels = load_backend("default")
    module, kernels = load_backend("cuda")
    return module, {**everywhere_kernels, **kernels}


def kernel_of(func: Any, kernels: dict[str, Kernel]) -> Kernel | None:
    """The kernel of an operation, whose name may lack its overload."""
    name = func.name()
    return kernels.get(name) or kernels.get(name.removesuffix(".default"))


def cuda_kernel(func: Any) -> Kernel | None:
    """What CUDA runs for an operation of bitsandbytes; None for one that it has no kernel for."""
    return kernel_of(func, _load()[1])


@contextmanager
def bitsandbytes_on_cuda() -> Iterator[None]:
    """Inside, bitsandbytes sees the simulated GPU; what it keeps between calls is as before afterwards."""
    from bitsandbytes import functional

    module, _ = _load()
    caches = [value for value in vars(module).values() if hasattr(value, "cache_clear")]
    for cache in caches:
        cache.cache_clear()  # they hold answers of another GPU
    with (
        mock.patch.dict(functional.name2qmap),
        mock.patch.object(functional, "lib", _NoLibrary()),
        mock.patch.object(functional, "is_on_gpu", _all_on_gpu, create=True),
        mock.patch.object(functional, "get_paged", _get_paged),
        # It keeps every paged tensor that was ever made.
        mock.patch.object(functional.GlobalPageManager, "_instance", None),
    ):
        try:
            yield
        finally:
            for cache in caches:
                cache.cache_clear()
