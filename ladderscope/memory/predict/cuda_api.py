"""``torch.cuda`` of a machine that has the simulated GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from ladderscope.memory.predict.gpus import Gpu
from ladderscope.memory.predict.memory_stats import MemoryStats
from ladderscope.memory.predict.refusals import refuse
from ladderscope.memory.predict.streams import (
    DEFAULT,
    Event,
    Stream,
    current_stream,
    fresh_streams,
    on_stream,
    set_stream,
)
from ladderscope.memory.predict.workspaces import Workspaces


@contextlib.contextmanager
def cuda_is_there(gpu: Gpu, stats: MemoryStats, workspaces: Workspaces) -> Iterator[None]:
    """Patch ``torch.cuda`` and ``torch.accelerator`` with the answers of ``gpu`` and its memory."""
    memory = stats.functions()
    with contextlib.ExitStack() as stack:
        stack.enter_context(fresh_streams())
        stack.enter_context(mock.patch.multiple(torch.cuda, create=True, **_device_functions(gpu), **memory))
        stack.enter_context(mock.patch.multiple(torch.cuda.memory, create=True, **memory))
        stack.enter_context(mock.patch.multiple(torch.cuda.random, create=True, **_RANDOM))
        stack.enter_context(mock.patch.multiple(torch.cuda.streams, Event=Event, Stream=Stream))
        stack.enter_context(mock.patch.multiple(torch.accelerator, create=True, **_accelerator_functions(stats)))
        stack.enter_context(mock.patch.multiple(torch.cuda.nvtx, **_NVTX))
        for module, refused in _REFUSED:
            stack.enter_context(mock.patch.multiple(module, **refused))
        stack.enter_context(mock.patch.object(torch._C, "_scatter", _scatter, create=True))
        compiled: dict[str, Any] = {
            "_cuda_getDeviceCount": lambda: 1,
            "_cuda_clearCublasWorkspaces": workspaces.clear,
        }
        stack.enter_context(mock.patch.multiple(torch._C, create=True, **compiled))
        yield


def _nothing(*args: Any, **kwargs: Any) -> None: ...


def _random_state(*args: Any, **kwargs: Any) -> Any:
    return torch.zeros(16, dtype=torch.uint8, device="cpu")


def _scatter(tensor: torch.Tensor, devices: Any, sizes: Any, dim: int, streams: Any) -> list[torch.Tensor]:
    """What ``DataParallel`` gives to the one device: all."""
    return [tensor.cuda()]


_GRAPHS = refuse("CUDA graphs", "a graph keeps memory in a pool of its own; predict the code without them.")
_POOLS = refuse("torch.cuda.MemPool", "memory comes from one pool; predict the code without others.")
_RAW = refuse("memory that is taken from the allocator by hand", "make a tensor in its place.")
_REFUSED: tuple[tuple[Any, dict[str, Any]], ...] = (
    (torch.cuda, {"CUDAGraph": _GRAPHS, "graph": _GRAPHS, "make_graphed_callables": _GRAPHS}),
    (torch.cuda.graphs, {"CUDAGraph": _GRAPHS, "graph": _GRAPHS, "make_graphed_callables": _GRAPHS}),
    (torch.cuda, {"MemPool": _POOLS, "use_mem_pool": _POOLS, "caching_allocator_alloc": _RAW}),
    (torch.cuda.memory, {"MemPool": _POOLS, "use_mem_pool": _POOLS, "caching_allocator_alloc": _RAW}),
)

_NVTX: dict[str, Any] = {
    "range": lambda *args, **kwargs: contextlib.nullcontext(),
    "range_push": lambda message: 0,
    "range_pop": lambda: 0,
    "mark": _nothing,
}

_RANDOM: dict[str, Any] = {
    "manual_seed": _nothing,
    "manual_seed_all": _nothing,
    "seed": _nothing,
    "seed_all": _nothing,
    "initial_seed": lambda: 0,
    "get_rng_state": _random_state,
    "get_rng_state_all": lambda: [_random_state()],
    "set_rng_state": _nothing,
    "set_rng_state_all": _nothing,
}


def _device_functions(gpu: Gpu) -> dict[str, Any]:
    properties = SimpleNamespace(
        name=gpu.title,
        total_memory=gpu.memory_bytes,
        major=gpu.capability[0],
        minor=gpu.capability[1],
        multi_processor_count=gpu.multiprocessors,
        warp_size=32,
        is_integrated=False,
    )
    return {
        **_RANDOM,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "_initialized": True,
        "init": _nothing,
        "_lazy_init": _nothing,
        "_lazy_call": _nothing,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": _nothing,
        "synchronize": _nothing,
        "ipc_collect": _nothing,
        "device": _Device,
        "get_device_name": lambda device=None: gpu.title,
        "get_device_capability": lambda device=None: gpu.capability,
        "get_device_properties": lambda device=None: properties,
        "can_device_access_peer": lambda device, peer: False,
        "current_blas_handle": lambda: 0,
        "device_of": lambda tensor: _Device(),
        "get_sync_debug_mode": lambda: 0,
        "set_sync_debug_mode": _nothing,
        "StreamContext": on_stream,
        "ExternalStream": Stream,
        "default_generators": (torch.default_generator,),
        "get_arch_list": lambda: [f"sm_{major}{minor}" for major, minor in [gpu.capability]],
        "is_bf16_supported": lambda including_emulation=True: including_emulation or gpu.capability >= (8, 0),
        "is_current_stream_capturing": lambda: False,
        "current_stream": current_stream,
        "default_stream": lambda device=None: DEFAULT,
        "set_stream": set_stream,
        "stream": on_stream,
        "Event": Event,
        "Stream": Stream,
    }


class _Device(contextlib.AbstractContextManager["_Device"]):
    """Stands for ``torch.cuda.device``: there is one device, and it is the current one."""

    def __init__(self, device: Any = None) -> None:
        self.idx = 0
        self.prev_idx = 0

    def __exit__(self, *args: object) -> None: ...


def _accelerator_functions(stats: MemoryStats) -> dict[str, Any]:
    names = ("empty_cache", "memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved")
    functions = stats.functions()
    return {
        **{name: functions[name] for name in (*names, "memory_stats", "reset_peak_memory_stats")},
        "get_memory_info": functions["mem_get_info"],
        "is_available": lambda: True,
        "current_accelerator": lambda check_available=False: torch.device("cuda"),
        "device_count": lambda: 1,
        "current_device_index": lambda: 0,
        "set_device_index": _nothing,
        "current_stream": current_stream,
        "set_stream": set_stream,
        "synchronize": _nothing,
    }
