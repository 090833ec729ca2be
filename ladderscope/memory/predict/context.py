"""``predict_memory``: runs code that was written for CUDA on a machine without it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

import torch
from torch import nn
from torch.library import Library

from ladderscope.memory.predict.attention import cuda_attention
from ladderscope.memory.predict.autocast import SimulatedAutocast
from ladderscope.memory.predict.bitsandbytes_cuda import bitsandbytes_on_cuda
from ladderscope.memory.predict.cuda_api import cuda_is_there
from ladderscope.memory.predict.device import Allocator, SimulatedDevice
from ladderscope.memory.predict.dispatch import DeviceMode
from ladderscope.memory.predict.gpus import CONTEXT_BYTES, Gpu, find_gpu
from ladderscope.memory.predict.kernels import cublas_workspace_bytes
from ladderscope.memory.predict.memory_stats import MemoryStats
from ladderscope.memory.predict.modules import ModulePlace
from ladderscope.memory.predict.norms import cuda_rms_norm
from ladderscope.memory.predict.ownership import Ownership
from ladderscope.memory.predict.tensors import tensors_answer_cuda
from ladderscope.memory.predict.trace import MemoryTrace


@contextlib.contextmanager
def predict_memory(gpu: str | Gpu, *, allocator: Allocator | None = None) -> Iterator[MemoryTrace]:
    """Run PyTorch code for CUDA without a GPU, and follow its memory.

    Inside, ``"cuda"`` is a device whose tensors have shapes and no data, ``torch.cuda`` answers for ``gpu``, and nothing
    is computed. Values that are read from the device are one (or true), but for small whole numbers and booleans,
    which are computed on the host.

    Args:
        gpu: a name of the table, or ``"12GiB:sm86"``.
        allocator: that serves the device; by default PyTorch's, with as much memory as the GPU has.

    Yields:
        The trace, which may be read at any time, also afterwards.

    Raises:
        UnknownNameError: there is no such GPU.
    """
    found = find_gpu(gpu) if isinstance(gpu, str) else gpu
    place = ModulePlace()
    device = SimulatedDevice(allocator or _default_allocator(found), place)
    ownership = Ownership(device, place)
    place.on_new_model = ownership.add_model
    trace = MemoryTrace(device, found, ownership)
    stats = MemoryStats(device, found.memory_bytes, CONTEXT_BYTES)
    with contextlib.ExitStack() as stack:
        # First: when it is imported, bitsandbytes must not find a GPU, whose library it would look for.
        stack.enter_context(bitsandbytes_on_cuda())
        stack.enter_context(cuda_is_there(found, stats))
        stack.enter_context(tensors_answer_cuda(device))
        stack.enter_context(SimulatedAutocast(device).installed())
        stack.enter_context(_operations_of_cuda(device, found))
        stack.enter_context(place.watch())
        stack.enter_context(ownership.watch())
        stack.enter_context(DeviceMode(device, cublas_workspace_bytes(found)))
        yield trace
        trace.finish()


def _default_allocator(gpu: Gpu) -> Allocator:
    from ladderscope.memory.allocator import CachingAllocator

    allocator: Allocator = CachingAllocator(capacity_bytes=gpu.usable_bytes)
    return allocator


@contextlib.contextmanager
def _operations_of_cuda(device: SimulatedDevice, gpu: Gpu) -> Iterator[None]:
    """Operations that PyTorch takes apart on `meta`, and does not on CUDA.

    They are replaced where autograd would come in, for tensors on `meta` alone: so modules that took hold of the Python
    functions earlier see it too, and backward passes that run a forward again.
    """
    library = Library("aten", "IMPL")
    for name, implementation in (
        ("scaled_dot_product_attention", cuda_attention(gpu)),
        ("rms_norm", cuda_rms_norm),
    ):
        composite = getattr(torch.ops.aten, name).default

        def kernel(*args, implementation=implementation, composite=composite, **kwargs):  # type: ignore[no-untyped-def]
            if not device.holds(args[0]):
                return composite.decompose(*args, **kwargs)
            return implementation(*args, **kwargs)

        library.impl(name, kernel, "AutogradMeta")
    try:
        yield
    finally:
        library._destroy()
