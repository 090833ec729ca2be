"""Names of hardware: what CUDA calls a GPU, what our table calls it, and what a folder can be called."""

from __future__ import annotations

import re

import torch

from ladderscope.errors import UsageError
from ladderscope.memory.predict.gpus import find_gpu, gpu_names
from ladderscope.units import GIB


def short_name(title: str, memory_bytes: int | None = None) -> str | None:
    """The GPU's name in ``gpus.yaml``, or None.

    Args:
        title: as CUDA calls it, ``"NVIDIA H100 80GB HBM3"``.
        memory_bytes: all its memory, which tells GPUs of the same title apart.
    """
    known = [find_gpu(name) for name in gpu_names()]
    same = [gpu for gpu in known if gpu.title == title]
    if memory_bytes is not None:
        same.sort(key=lambda gpu: abs(gpu.memory_bytes - memory_bytes))
    return same[0].name if same else None


def folder_name(title: str | None, memory_bytes: int | None = None) -> str:
    """What folders of results of this hardware are called: the short name, else the title as one word.

    Args:
        title: None for a CPU.
        memory_bytes: as for :func:`short_name`.
    """
    if title is None:
        return "cpu"
    return short_name(title, memory_bytes) or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def gpu_of_this_machine() -> str:
    """The first GPU that PyTorch finds here, as predictions take it: its name in ``gpus.yaml``, or a description.

    Raises:
        UsageError: there is none.
    """
    if not torch.cuda.is_available():
        raise UsageError("this machine has no GPU to predict for: name one with --gpu, as in --gpu h100-80gb.")
    found = torch.cuda.get_device_properties(0)
    known = short_name(found.name, found.total_memory)
    return known or f"{found.total_memory / GIB:.2f}GiB:sm{found.major}{found.minor}"
