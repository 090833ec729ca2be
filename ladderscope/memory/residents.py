"""What is in memory between two steps: weights, quantization state, adapter weights, optimizer state."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ladderscope.backbones.quantize import quantization_state
from ladderscope.components import adapter_tensors
from ladderscope.torch_internals import unwrapped


def resident_bytes(
    model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device, buckets: Sequence[int] = ()
) -> dict[str, int]:
    """Bytes of every tensor on ``device`` that is alive now, by category; shared storages count once.

    ``other`` is what belongs to none of the categories: batches, buffers that nothing owns, the caller's tensors.

    Args:
        model: that is trained.
        optimizer: of its parameters.
        device: whose memory counts.
        buckets: sizes of those that DDP holds in compiled code.
    """
    groups: dict[str, Iterable[Tensor]] = {
        **_weights(model),
        "gradients": [p.grad for p in model.parameters() if p.grad is not None],
        "optimizer_state": _optimizer_tensors(optimizer),
    }
    seen: set[int] = set()
    sizes = {category: _new_bytes(tensors, device, seen) for category, tensors in groups.items()}
    others = _new_sizes(_live_tensors(), device, seen)
    for bucket in buckets:
        if bucket in others:
            others.remove(bucket)  # Python has seen this one, since a mode followed a step
    return {**sizes, "other": sum(others), **({"collectives": sum(buckets)} if buckets else {})}


def state_bytes(model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> dict[str, int]:
    """Bytes of a model's states on ``device`` by category, with the padding of sharded storages; without step counts.

    Gradients count whether they are there or not, as large as what is trained.
    """
    seen: set[int] = set()
    sizes = {category: _new_bytes(tensors, device, seen) for category, tensors in _weights(model).items()}
    sizes["gradients"] = _new_bytes((p for p in model.parameters() if p.requires_grad), device, set())
    states = (tensor for tensor in _optimizer_tensors(optimizer) if tensor.dim())
    sizes["optimizer_state"] = _new_bytes(states, device, seen)
    return sizes


def _weights(model: nn.Module) -> dict[str, Iterable[Tensor]]:
    return {
        "quantization_state": quantization_state(model),
        "adapter_weights": adapter_tensors(model),
        "weights": [*model.parameters(), *model.buffers()],
    }


def _new_bytes(tensors: Iterable[Tensor], device: torch.device, seen: set[int]) -> int:
    return sum(_new_sizes(tensors, device, seen))


def _new_sizes(tensors: Iterable[Tensor], device: torch.device, seen: set[int]) -> list[int]:
    sizes = []
    for tensor in tensors:
        if tensor.device.type != device.type:
            continue
        storage = unwrapped(tensor).untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            sizes.append(storage.nbytes())
    return sizes


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]


def _live_tensors() -> list[Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # touching every live object wakes up deprecated lazy attributes
        return [obj for obj in gc.get_objects() if type(obj) in (Tensor, nn.Parameter) and obj.layout == torch.strided]
