"""Finds out what a block of memory is for: a weight, a gradient, the optimizer's state."""

from __future__ import annotations

import importlib
import itertools
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from ladderscope.backbones.quantize import quantization_state
from ladderscope.components import adapter_tensors
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.modules import ModulePlace

NOWHERE = "", ""


class Owned(NamedTuple):
    """A tensor, the name of the module that it belongs to, and its own name there."""

    tensor: Tensor
    module: str
    name: str


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
        self._homes: WeakIdKeyDictionary = WeakIdKeyDictionary()
        """Parameter -> its module and its name there."""

    def register(self, model: nn.Module) -> None:
        """Know a model before its first call."""
        self._place.register(model)

    def add_model(self, model: nn.Module) -> None:
        """Name the weights of a model, at its first call."""
        self._models.add(model)
        for category, tensors in self._owned_by(model):
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
            for category, tensors in self._owned_by(model):
                self._name(category, tensors)
        for optimizer in self._optimizers:
            self._name("optimizer_state", self._state(optimizer))
        self._name_gradients()

    def _before_update(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._optimizers.add(optimizer)
        self._name("gradients", self._gradients(group["params"] for group in optimizer.param_groups))
        self._place.update(True)

    def _after_update(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._place.update(False)
        self._name("optimizer_state", self._state(optimizer))

    def _name_gradients(self) -> None:
        self._name("gradients", self._gradients(model.parameters() for model in self._models))

    def _gradients(self, groups: Iterable[Iterable[Any]]) -> Iterator[Owned]:
        for parameter in itertools.chain.from_iterable(groups):
            if parameter.grad is not None:
                yield Owned(parameter.grad, *self._homes.get(parameter, NOWHERE))

    def _state(self, optimizer: torch.optim.Optimizer) -> Iterator[Owned]:
        for parameter, state in optimizer.state.items():
            module, _ = self._homes.get(parameter, NOWHERE)
            yield from (Owned(value, module, name) for name, value in state.items() if isinstance(value, Tensor))

    def _name(self, category: str, owned: Iterable[Owned]) -> None:
        for tensor, module, name in owned:
            allocation = self._device.allocation_of(tensor)
            if allocation is not None:
                allocation.category = category
                allocation.module = module or allocation.module
                allocation.operation = name or allocation.operation

    def _owned_by(self, model: nn.Module) -> Iterator[tuple[str, Iterable[Owned]]]:
        """Categories with their tensors; a later one wins."""
        held: dict[int, Owned] = {}
        for module in model.modules():
            for owned in _held_by(module, self._place.name_of(module)):
                held.setdefault(id(owned.tensor), owned)  # a tensor that several modules share is that of the first
        self._homes.update({owned.tensor: (owned.module, owned.name) for owned in held.values()})
        adapter = {id(tensor) for tensor in adapter_tensors(model)}
        yield "weights", [owned for key, owned in held.items() if key not in adapter]
        yield "adapter_weights", [owned for key, owned in held.items() if key in adapter]
        yield "quantization_state", self._quantization_state(model)

    def _quantization_state(self, model: nn.Module) -> Iterator[Owned]:
        for module in model.modules():
            if next(module.children(), None) is None:
                name = self._place.name_of(module)
                yield from (Owned(tensor, name, "quantization state") for tensor in quantization_state(module))


def _held_by(module: nn.Module, module_name: str) -> Iterator[Owned]:
    for named in (module.named_parameters(recurse=False), module.named_buffers(recurse=False)):
        yield from (Owned(tensor, module_name, name) for name, tensor in named)
