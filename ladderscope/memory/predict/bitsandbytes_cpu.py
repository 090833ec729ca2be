"""bitsandbytes' own Python code for CPUs, with its compiled library left out.

What it has no code of its own for on a CPU, its code for any device does, in PyTorch's operations.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

from ladderscope.memory.predict.bitsandbytes_cuda import Kernel, kernel_of, load_backend


@functools.cache
def _load() -> tuple[tuple[ModuleType, ...], dict[str, Kernel]]:
    """The modules, and the kernels of both, by operation; those for CPUs come first."""
    from bitsandbytes import cextension

    missing = isinstance(cextension.lib, cextension.ErrorHandlerMockBNBNativeLibrary)
    anywhere, everywhere_kernels = load_backend("default")
    cpu, cpu_kernels = load_backend("cpu", library=cextension.lib if missing else None)
    return (anywhere, cpu), {**everywhere_kernels, **cpu_kernels}


def cpu_kernel(func: Any) -> Kernel | None:
    """What a CPU runs for an operation of bitsandbytes; None for one that it has no kernel for."""
    return kernel_of(func, _load()[1])


@contextmanager
def bitsandbytes_on_cpu() -> Iterator[None]:
    """Inside, bitsandbytes decides as it does for tensors on a CPU; its caches hold nothing of it afterwards."""
    from bitsandbytes import matmul
    from bitsandbytes.autograd import _functions
    from bitsandbytes.backends import utils

    def matmul_on_cpu(
        A: Any, B: Any, out: Any = None, state: Any = None, threshold: float = 0.0, bias: Any = None
    ) -> Any:
        state = state or _functions.MatmulLtState()
        if not state.is_training:
            return matmul(A, B, out, state, threshold, bias)
        if threshold > 0.0:
            state.threshold = threshold
        return _functions.MatMul8bitFp.apply(A, B, out, bias, state)

    modules, _ = _load()
    with ExitStack() as stack:
        stack.enter_context(mock.patch("bitsandbytes.matmul", matmul_on_cpu))
        stack.enter_context(mock.patch.dict(utils._code_4bit_cache, clear=True))
        try:
            yield
        finally:
            for module in modules:
                for value in vars(module).values():
                    if hasattr(value, "cache_clear"):
                        value.cache_clear()
