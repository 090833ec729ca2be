"""What CUDA decides, by architecture and version of PyTorch: one table, of which each entry says how it is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ladderscope.errors import UsageError
from ladderscope.memory.predict.attention import cuda_attention
from ladderscope.memory.predict.bitsandbytes_cuda import Kernel, cuda_kernel
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.gpus import Gpu
from ladderscope.memory.predict.kernels import COPIES, TEMPORARIES, Temporaries, cublas_workspace_bytes
from ladderscope.memory.predict.norms import cuda_rms_norm, decomposed_rms_norm
from ladderscope.memory.predict.reductions import reductions_of

FIRST_VERSION = (2, 6)
_WORKSPACE_PER_PRODUCT = (2, 15)
"""From here on a cuBLAS workspace lives as long as its product (CublasHandlePool.cpp, #194311)."""
_FUSED_RMS_NORM = (2, 9)

UNVERIFIED = (
    "temporaries inside of attention's backward: read in PyTorch's sources, not compared with a GPU",
    "sort and embedding backward of more than 3,072 tokens: read in PyTorch's sources, not compared with a GPU",
    "workspaces of cuDNN (convolutions, recurrent networks): not counted",
    "nn.TransformerEncoder's fast path with a padding mask: predicted with its padding",
    "memory outside of the allocator (CUDA context): an estimate",
)
"""Rules that no recorded run has confirmed yet; every predicted record carries them."""
CUDNN_ATTENTION = "cuDNN attention, which PyTorch prefers on this GPU: taken for flash attention, without a workspace"
_PREFER_CUDNN = (9, 10)
"""Major compute capabilities."""


@dataclass(frozen=True)
class Rules:
    """What a device does where `meta` would do something else.

    Args:
        attention: ``scaled_dot_product_attention``, by the operations that it is made of.
        rms_norm: ``rms_norm``, likewise.
        workspace_bytes: of a cuBLAS handle.
        workspace_stays: whether it is kept, or freed behind every product.
        copies: what operations allocate before their results and free again, by operation.
        temporaries: what kernels allocate behind their results and free again, by operation.
        unverified: what of this rests on reading alone.
        bitsandbytes: what runs for an operation of bitsandbytes; None for one that has its result alone.
        surroundings: what else is different while code runs.
    """

    attention: Callable[..., Tensor]
    rms_norm: Callable[..., Tensor]
    workspace_bytes: int
    workspace_stays: bool
    copies: Mapping[Any, Temporaries]
    temporaries: Mapping[Any, Temporaries]
    unverified: tuple[str, ...] = field(default=UNVERIFIED)
    bitsandbytes: Callable[[Any], Kernel | None] = cuda_kernel
    surroundings: Callable[[SimulatedDevice], AbstractContextManager[Any]] = nullcontext


def rules_of(gpu: Gpu, torch_version: str | None = None) -> Rules:
    """The rules of a GPU under a version of PyTorch, by default the one that runs.

    Raises:
        UsageError: a version that cannot be read, or is too old.
    """
    version = _parse(torch_version or torch.__version__)
    return Rules(
        attention=cuda_attention(gpu),
        rms_norm=cuda_rms_norm if version >= _FUSED_RMS_NORM else decomposed_rms_norm,
        workspace_bytes=cublas_workspace_bytes(gpu),
        workspace_stays=version < _WORKSPACE_PER_PRODUCT,
        copies=COPIES,
        temporaries={**TEMPORARIES, **reductions_of(gpu)},
        unverified=(*UNVERIFIED, CUDNN_ATTENTION) if gpu.capability[0] in _PREFER_CUDNN else UNVERIFIED,
    )


def _parse(version: str) -> tuple[int, int]:
    try:
        major, minor = map(int, version.split("+")[0].split(".")[:2])
    except ValueError as error:
        raise UsageError(f"{version!r} is no version of PyTorch: give one such as 2.13.") from error
    if (major, minor) < FIRST_VERSION:
        raise UsageError(f"rules are known from PyTorch {FIRST_VERSION[0]}.{FIRST_VERSION[1]} on, not for {version}.")
    return major, minor
