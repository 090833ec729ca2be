"""``predict_memory``: runs code that was written for CUDA on a machine without it."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.library import Library

from ladderscope.errors import UsageError
from ladderscope.memory.allocator import AllocatorConfig, CachingAllocator
from ladderscope.memory.predict.autocast import SimulatedAutocast, refuse_autocast_without_gpu
from ladderscope.memory.predict.bitsandbytes_cuda import bitsandbytes_on_cuda
from ladderscope.memory.predict.cached_answers import asked_afresh
from ladderscope.memory.predict.compiled import compiled_code_runs_eagerly, compiler_keeps_its_rules
from ladderscope.memory.predict.cuda_api import cuda_is_there
from ladderscope.memory.predict.device import OnOom, SimulatedDevice
from ladderscope.memory.predict.gpus import CONTEXT_BYTES, Gpu, find_gpu
from ladderscope.memory.predict.memory_stats import MemoryStats
from ladderscope.memory.predict.modules import ModulePlace
from ladderscope.memory.predict.ownership import Ownership
from ladderscope.memory.predict.process_group import NCCL_NOT_COUNTED, NEVER_COMPARED_ON_GPUS, one_rank_of
from ladderscope.memory.predict.rules import Rules, rules_of
from ladderscope.memory.predict.tensors import tensors_answer_cuda
from ladderscope.memory.predict.threads import SharedDeviceMode, followed_threads
from ladderscope.memory.predict.trace import MemoryTrace
from ladderscope.memory.predict.workspaces import Workspaces


@contextlib.contextmanager
def predict_memory(
    gpu: str | Gpu,
    *,
    torch_version: str | None = None,
    on_oom: OnOom = "raise",
    alloc_conf: str | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[MemoryTrace]:
    """Run PyTorch code for CUDA without a GPU, and follow its memory.

    Inside, ``"cuda"`` is a device whose tensors have shapes and no data, ``torch.cuda`` answers for ``gpu``, and
    nothing is computed. Values that are read from the device, such as a loss, are one (or true), but for small whole
    numbers and booleans, which are computed on the host.

    Threads that start inside are followed too; operations of all threads run one at a time, and count as if they did.
    Compiled code (``torch.compile``, ``torch.jit.script``) runs eagerly, and ``trace.rules.unverified`` says so.
    Refused, with :class:`~ladderscope.memory.predict.refusals.UnpredictableError`: CUDA graphs, memory pools,
    ``flex_attention``, modules that were scripted before, and operations whose result's shape PyTorch knows only once
    it has computed it.

    With a ``world_size`` above one, ``torch.distributed`` is initialised inside, and ``gpu`` is that of one rank:
    ``DistributedDataParallel`` and ``fully_shard`` make their buckets and gather their weights on it as they do beside
    real ranks.

    Args:
        gpu: a name of the table, or ``"12GiB:sm86"``.
        torch_version: whose rules to follow, ``"2.13"``; by default those of the PyTorch that runs.
        on_oom: when the GPU's memory runs out, ``raise`` PyTorch's error, or ``continue`` as if there were more;
            ``trace.first_oom`` says what happened.
        alloc_conf: settings of the allocator as in ``PYTORCH_ALLOC_CONF``; by default what that variable holds.
        rank: of the process that is predicted, from 0 on.
        world_size: how many processes there are, each with a GPU.

    Yields:
        The trace, which may be read at any time, also afterwards.

    Raises:
        UnknownNameError: there is no such GPU.
        UsageError: a version or allocator setting that makes no sense; no such rank; a prediction inside of another;
            a process that uses a real GPU; autocast contexts that were made before, when PyTorch found no GPU and
            switched them off.
        UnpredictableError: the code does what cannot be followed; it is a UsageError and a NotImplementedError.
        torch.OutOfMemoryError: the GPU's memory runs out.
    """
    found = find_gpu(gpu) if isinstance(gpu, str) else gpu
    allocator = CachingAllocator(_allocator_config(alloc_conf), found.usable_bytes)
    with simulate(found, rules_of(found, torch_version), allocator, on_oom, rank, world_size) as trace:
        yield trace


@contextlib.contextmanager
def simulate(
    gpu: Gpu,
    rules: Rules,
    allocator: CachingAllocator,
    on_oom: OnOom = "raise",
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[MemoryTrace]:
    """Run code on a device that is made of these parts, and follow its memory; see :func:`predict_memory`.

    Args:
        gpu: what ``torch.cuda`` answers for.
        rules: what the device does.
        allocator: of its memory.
        on_oom: as in :func:`predict_memory`.
        rank: as in :func:`predict_memory`.
        world_size: as in :func:`predict_memory`.

    Yields:
        The trace.
    """
    _refuse_two_devices()
    refuse_autocast_without_gpu()
    place = ModulePlace()
    device = SimulatedDevice(allocator, place, on_oom)
    ownership = Ownership(device, place)
    place.on_new_model = ownership.add_model
    trace = MemoryTrace(device, gpu, ownership, rules)
    stats = MemoryStats(device, gpu.memory_bytes, CONTEXT_BYTES)
    workspaces = Workspaces(device, rules.workspace_bytes, rules.workspace_stays)
    with contextlib.ExitStack() as stack:
        stack.enter_context(asked_afresh())
        # Early: when it is imported, bitsandbytes must not find a GPU, whose library it would look for.
        stack.enter_context(bitsandbytes_on_cuda())
        stack.enter_context(compiler_keeps_its_rules())
        stack.enter_context(cuda_is_there(gpu, stats, workspaces))
        stack.enter_context(tensors_answer_cuda(device))
        stack.enter_context(SimulatedAutocast(device).installed())
        stack.enter_context(_operations_of_cuda(device, rules))
        stack.enter_context(place.watch())
        stack.enter_context(ownership.watch())
        stack.enter_context(rules.surroundings(device))
        stack.enter_context(compiled_code_runs_eagerly(trace.note))
        mode = SharedDeviceMode(device, rules, workspaces)
        stack.enter_context(followed_threads(mode))
        stack.enter_context(mode)
        if world_size > 1:
            stack.enter_context(one_rank_of(device, place, rank, world_size))
            trace.note(NCCL_NOT_COUNTED)
            trace.note(NEVER_COMPARED_ON_GPUS)
        yield trace
        trace.finish()


def _refuse_two_devices() -> None:
    if isinstance(torch.Tensor.__dict__.get("is_cuda"), property):
        raise UsageError("predict_memory is running already: end it before you begin another.")
    if torch.cuda.is_initialized():
        raise UsageError("this process uses a real GPU already: predict in a process of its own.")


def _allocator_config(alloc_conf: str | None) -> AllocatorConfig:
    if alloc_conf is None:
        alloc_conf = os.environ.get("PYTORCH_ALLOC_CONF") or os.environ.get("PYTORCH_CUDA_ALLOC_CONF") or ""
    return AllocatorConfig.parse(alloc_conf)


@contextlib.contextmanager
def _operations_of_cuda(device: SimulatedDevice, rules: Rules) -> Iterator[None]:
    """Operations that PyTorch takes apart on `meta`, and does not on CUDA.

    They are replaced where autograd would come in, for tensors on `meta` alone: so modules that took hold of the
    Python functions earlier see it too, and backward passes that run a forward again.
    """
    library = Library("aten", "IMPL")
    for name, implementation in (
        ("scaled_dot_product_attention", rules.attention),
        ("rms_norm", rules.rms_norm),
    ):
        composite = getattr(torch.ops.aten, name).default
        library.impl(name, _on_device(device, implementation, composite.decompose), "AutogradMeta")
    try:
        yield
    finally:
        library._destroy()


def _on_device(
    device: SimulatedDevice, simulated: Callable[..., Tensor], otherwise: Callable[..., Tensor]
) -> Callable[..., Tensor]:
    device = weakref.proxy(device)  # PyTorch never lets go of a kernel

    def kernel(first: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return (simulated if device.holds(first) else otherwise)(first, *args, **kwargs)

    return kernel
