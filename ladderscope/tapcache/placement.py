"""Where the blocks of a backbone go that does not fit on the device: to host memory, and what is left to the disk.

Everything else of it (embeddings, norms, head) stays on the device: training needs it afterwards, and the side
network is made where the final norm is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from accelerate.utils import get_max_memory
from torch import nn

from ladderscope.methods.side.structure import find_decoder

MaxMemory = Mapping[int | str, int | str]
"""Bytes of each device that may be used, as accelerate takes them: ``{0: "20GiB", "cpu": "60GiB"}``."""

_SHARE = 0.9
"""Of the memory that is free; the rest is for what runs."""


def place_blocks(
    skeleton: nn.Module, device: torch.device, max_memory: MaxMemory | None = None
) -> dict[str, str] | None:
    """A device map for ``from_pretrained``; None where the whole model fits on ``device``.

    Args:
        skeleton: the model, on ``meta``, in the dtype that it is loaded in.
        device: where it computes.
        max_memory: None for what is free.
    """
    free = _free_bytes(device, max_memory)
    parts = find_decoder(skeleton)
    path = path_of(skeleton, parts.blocks)
    sizes = [_bytes_of(block) for block in parts.blocks]
    outside = _bytes_of(skeleton) - sum(sizes)
    if outside + sum(sizes) <= free[0][1]:
        return None
    places = {name: str(device) for name in _beside(skeleton, path)}
    # A block that comes from elsewhere needs room on the device, and the next one is read while it runs.
    budgets = [(free[0][0], free[0][1] - outside - 2 * max(sizes)), *free[1:], ("disk", float("inf"))]
    for index, size in enumerate(sizes):
        while size > budgets[0][1]:
            budgets.pop(0)
        budgets[0] = (budgets[0][0], budgets[0][1] - size)
        places[f"{path}.{index}"] = budgets[0][0]
    return places


def path_of(model: nn.Module, module: nn.Module) -> str:
    """The name of ``module`` in ``model``."""
    path: str = next(path for path, each in model.named_modules() if each is module)
    return path


def _free_bytes(device: torch.device, max_memory: MaxMemory | None) -> list[tuple[str, float]]:
    given: Any = dict(max_memory) if max_memory is not None else None
    memory: dict[int | str, int] = get_max_memory(given)
    share = _SHARE if max_memory is None else 1.0
    host = ("cpu", memory.get("cpu", 0) * share)
    if device.type == "cpu":
        return [host]
    return [(str(device), memory.get(device.index or 0, 0) * share), host]


def _beside(model: nn.Module, path: str) -> list[str]:
    """The modules that are beside ``path`` or beside one that holds it."""
    names, parent = [], model
    steps = path.split(".")
    for depth, step in enumerate(steps):
        prefix = ".".join(steps[:depth])
        names += [f"{prefix}.{name}".lstrip(".") for name, _ in parent.named_children() if name != step]
        parent = parent.get_submodule(step)
    return names


def _bytes_of(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
