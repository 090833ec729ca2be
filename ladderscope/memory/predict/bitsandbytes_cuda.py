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
from typing import Any
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


@functools.cache
def _load() -> tuple[ModuleType, dict[str, Kernel]]:
    """A copy of the module with the kernels for CUDA, by operation; PyTorch is told of none of them."""
    import bitsandbytes
    from bitsandbytes import _ops, cextension

    kernels: dict[str, Kernel] = {}

    def collect(name: str, device: str) -> Callable[[Kernel], Kernel]:
        def register(kernel: Kernel) -> Kernel:
            kernels[name] = kernel
            return kernel

        return register

    path = Path(bitsandbytes.__file__).parent / "backends" / "cuda" / "ops.py"
    # A name inside of its package, so that its relative imports work.
    spec = importlib.util.spec_from_file_location("bitsandbytes.backends.cuda.without_library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with (
        mock.patch.object(cextension, "lib", _NoLibrary()),
        mock.patch.object(_ops, "register_kernel", collect),
        mock.patch.object(torch._C, "_cuda_getCurrentRawStream", mock.Mock(return_value=0), create=True),
    ):
        spec.loader.exec_module(module)
    return module, kernels


def cuda_kernel(func: Any) -> Kernel | None:
    """What CUDA runs for an operation of bitsandbytes; None for one that it has no kernel for."""
    _, kernels = _load()
    name = func.name()
    return kernels.get(name) or kernels.get(name.removesuffix(".default"))


def _always(tensors: Any) -> bool:
    """Stands in for a check; a mock would remember, and keep alive, every tensor that it is asked about."""
    return True


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
        mock.patch.object(functional, "is_on_gpu", _always, create=True),
    ):
        yield
    for cache in caches:
        cache.cache_clear()
