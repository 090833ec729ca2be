"""The rules of a CPU: the same code on the same simulated device, with what a CPU runs in place of what CUDA does.

A CPU's memory can be measured on any machine (:class:`ladderscope.memory.cpu.CpuMeter`). So under these rules the
trace can be held against reality, allocation by allocation, and with it all that it shares with the rules of CUDA.
"""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor

from ladderscope.memory.predict.bitsandbytes_cpu import bitsandbytes_on_cpu, cpu_kernel
from ladderscope.memory.predict.context import simulate
from ladderscope.memory.predict.cpu_kernels import CPU_TEMPORARIES, cpu_attention, cpu_rms_norm
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.exact_allocator import ExactAllocator
from ladderscope.memory.predict.gpus import Gpu
from ladderscope.memory.predict.rules import Rules
from ladderscope.memory.predict.trace import MemoryTrace

CPU = Gpu("cpu", "CPU", memory_bytes=1 << 50, capability=(9, 0), multiprocessors=1)
"""What ``torch.cuda`` answers for; its capability decides nothing under the rules of a CPU."""


@contextmanager
def predict_cpu_memory(rank: int = 0, world_size: int = 1) -> Iterator[MemoryTrace]:
    """Run PyTorch code for CUDA as a CPU would run it, and follow its memory; see ``predict_memory``.

    Yields:
        The trace, in the bytes that PyTorch's CPU allocator is asked for.
    """
    with simulate(CPU, CPU_RULES, ExactAllocator(), rank=rank, world_size=world_size) as trace:
        yield trace


@contextmanager
def _as_on_cpu(device: SimulatedDevice) -> Iterator[None]:
    get_state = torch.get_rng_state

    def followed_state() -> Tensor:
        """The state of the random number generator, which checkpoints keep: on the host, which is the device here."""
        state = get_state()
        weakref.finalize(state, device.allocate(state.nbytes, "get_rng_state"))
        return state

    optimizer = importlib.import_module("torch.optim.optimizer")  # torch.optim hides its name
    with (
        # Optimizers take the foreach way where the device is in this list.
        mock.patch.object(optimizer, "_get_foreach_kernels_supported_devices", list),
        mock.patch.object(torch, "get_rng_state", followed_state),
        bitsandbytes_on_cpu(),
    ):
        yield


CPU_RULES = Rules(
    attention=cpu_attention,
    rms_norm=cpu_rms_norm,
    workspace_bytes=0,
    workspace_stays=True,
    copies={},
    temporaries=CPU_TEMPORARIES,
    unverified=(),
    bitsandbytes=cpu_kernel,
    surroundings=_as_on_cpu,
)
