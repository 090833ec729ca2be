"""How many cells run at a time, and on what."""

from __future__ import annotations

import os


def num_cores() -> int:
    """What the user grants with OMP_NUM_THREADS, else what the machine grants this process."""
    granted = os.environ.get("OMP_NUM_THREADS", "")
    if granted.isdecimal() and int(granted):
        return int(granted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cuda_devices() -> tuple[str, ...]:
    """The GPUs that the user grants with CUDA_VISIBLE_DEVICES, else all of the machine."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(visible.split(",")) if visible else tuple(map(str, range(torch.cuda.device_count())))
