"""Finds out what a block of memory is for: a weight, a gradient, the optimizer's state."""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from ladderscope.backbones.quantize import quantization_state
from ladderscope.components import adapter_tensors
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.modules import ModulePlace


class Ownership:
    """Names what models and optimizers own, for any training script.

    Args:
        device: whose blocks are named.
        place: follows the models.
    """

    def __init__(self, device: SimulatedDevice, place: ModulePlace) -> None:
        self._device = device
        self._place = place
        self._models: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._optimizers: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()

    def add_model(self, model: nn.Module) -> None:
        """Name the weights of a model, at its first call."""
        self._models.add(model)
        for category, tensors in _owned_by(model):
            self._name(category, tensors)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Follow backward passes and optimizer steps inside."""
        optimizer = importlib.import_module("torch.optim.optimizer")  # torch.optim hides its name
        handles = [
            optimizer.register_optimizer_step_pre_hook(self._before_update),
            optimizer.register_optimizer_step_post_hook(self._after_update),
        ]
        backward = torch.autograd.backward

        def watched_backward(*args: Any, **kwargs: Any) -> Any:
            result = backward(*args, **kwargs)
            self._name_gradients()
            return result

        try:
            with mock.patch.object(torch.autograd, "backward", watched_backward):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def refresh(self) -> None:
        """Name what is owned now; weights may have been replaced since the first call."""
        for model in self._models:
            for category, tensors in _owned_by(model):
                self._name(category, tensors)
        for optimizer in self._optimizers:
            self._name("optimizer_state", _state_tensors(optimizer))
        self._name_gradients()

    def _before_update(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._optimizers.add(optimizer)
        self._name("gradients", _gradients(group["params"] for group in optimizer.param_groups))
        self._place.updating = True

    def _after_update(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._place.updating = False
        self._name("optimizer_state", _state_tensors(optimizer))

    def _name_gradients(self) -> None:
        self._name("gradients", _gradients(model.parameters() for model in self._models))

    def _name(self, category: str, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            allocation = self._device.allocation_of(tensor)
            if allocation is not None:
                allocation.category = category


def _owned_by(model: nn.Module) -> list[tuple[str, Iterable[Tensor]]]:
    """Categories with their tensors; a later one wins."""
    return [
        ("weights", [*model.parameters(), *model.buffers()]),
        ("adapter_weights", adapter_tensors(model)),
        ("quantization_state", quantization_state(model)),
    ]


def _gradients(groups: Iterable[Iterable[Any]]) -> Iterator[Tensor]:
    return (parameter.grad for group in groups for parameter in group if parameter.grad is not None)


def _state_tensors(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, Tensor))
