"""What is in memory between two steps: weights, quantization state, adapter weights, optimizer state."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ladderscope.backbones.quantize import quantization_state
from ladderscope.components import adapter_tensors


def resident_bytes(model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> dict[str, int]:
    """Bytes of every tensor on ``device`` that is alive now, by category; shared storages count once.

    ``other`` is what belongs to none of the categories: batches, buffers that nothing owns, the caller's tensors.
    """
    groups: dict[str, Iterable[Tensor]] = {
        "quantization_state": quantization_state(model),
        "adapter_weights": adapter_tensors(model),
        "weights": [*model.parameters(), *model.buffers()],
        "gradients": [p.grad for p in model.parameters() if p.grad is not None],
        "optimizer_state": _optimizer_tensors(optimizer),
        "other": _live_tensors(),
    }
    seen: set[int] = set()
    return {category: _new_bytes(tensors, device, seen) for category, tensors in groups.items()}


def _new_bytes(tensors: Iterable[Tensor], device: torch.device, seen: set[int]) -> int:
    total = 0
    for tensor in tensors:
        if tensor.device.type != device.type:
            continue
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.nbytes()
    return total


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]


def _live_tensors() -> list[Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # touching every live object wakes up deprecated lazy attributes
        return [obj for obj in gc.get_objects() if type(obj) in (Tensor, nn.Parameter) and obj.layout == torch.strided]
