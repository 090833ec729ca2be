"""Which component of a tuned model is at work: backbone, adapter, side network or head, in forward and in backward.

Forward is followed with module hooks. Backward is traced back to forward through autograd's sequence numbers: every
autograd node carries the number that was current when its forward operation ran.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

BACKBONE = "backbone"
HEAD = "head"
ADAPTER = "adapter"
SIDE_NETWORK = "side_network"

RANGE_PREFIX = "ladderscope::"
"""Profiler ranges are named by this prefix and the component."""


class ComponentTracker:
    """Follows a model through a training step; use :meth:`watch` around the step.

    Args:
        model: the tuned model.
        ranges: also mark each change with a profiler range, so that the events of a profile can be told apart.
    """

    def __init__(self, model: nn.Module, ranges: bool = False) -> None:
        self._model = model
        self._ranges = ranges
        self._roles = _roles(model)
        self._head = _unwrapped(model).get_output_embeddings()
        self._stack: list[str] = []
        self._open_ranges: list[Any] = []
        self._changes: list[tuple[int, str]] = [(0, BACKBONE)]

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Follow the model inside the ``with`` block."""
        handles = []
        for module in self._model.modules():
            handles.append(module.register_forward_pre_hook(self._enter))
            handles.append(module.register_forward_hook(self._leave, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @property
    def in_forward(self) -> bool:
        """Whether a module of the model is running, in forward or when checkpointing recomputes it."""
        return bool(self._stack)

    def current(self) -> str:
        """The component whose operation is being dispatched now, by this thread."""
        node = torch._C._current_autograd_node()
        if self._stack:
            return self._stack[-1]
        return self._changes[-1][1] if node is None else self.of_sequence_number(node._sequence_nr())

    def of_sequence_number(self, number: int) -> str:
        """The component whose forward made the autograd node with this sequence number."""
        index = bisect.bisect_right(self._changes, number, key=lambda change: change[0])
        return self._changes[max(0, index - 1)][1]

    def _enter(self, module: nn.Module, args: Any) -> None:
        if module is self._head:
            # Whatever follows the head until the model returns is loss.
            self._stack = [HEAD] * len(self._stack)
            role = HEAD
        else:
            role = self._roles.get(module) or (self._stack[-1] if self._stack else BACKBONE)
        self._stack.append(role)
        self._changed(role)
        if self._ranges:
            profiler_range = torch.profiler.record_function(RANGE_PREFIX + role)
            profiler_range.__enter__()
            self._open_ranges.append(profiler_range)

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        self._stack.pop()
        # What runs between modules is loss: a loss may take the decoder's output and the head's weight by itself.
        self._changed(self._stack[-1] if self._stack else HEAD)
        if self._ranges:
            self._open_ranges.pop().__exit__(None, None, None)

    def _changed(self, role: str) -> None:
        recomputing = torch._C._current_autograd_node() is not None
        if not recomputing and role != self._changes[-1][1]:
            self._changes.append((torch._C._autograd._get_sequence_nr(), role))


def _roles(model: nn.Module) -> dict[nn.Module, str]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    from ladderscope.methods.side import SideLayer

    roles = {}
    for layer in model.modules():
        if isinstance(layer, BaseTunerLayer):
            role = SIDE_NETWORK if isinstance(layer, SideLayer) else ADAPTER
            containers = (getattr(layer, name, None) for name in layer.adapter_layer_names)
            for container in containers:
                if isinstance(container, nn.Module):
                    roles.update(dict.fromkeys(container.modules(), role))
    # Virtual tokens have a module of their own, on the wrapping model.
    encoder = getattr(model, "prompt_encoder", None)
    if isinstance(encoder, nn.Module):
        roles.update(dict.fromkeys(encoder.modules(), ADAPTER))
    return roles


def _unwrapped(model: nn.Module) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]


def adapter_tensors(model: nn.Module) -> list[Tensor]:
    """The parameters and buffers that PEFT added to the backbone, and all that it trains."""
    roles = _roles(model)
    added = [
        tensor
        for module in roles
        for tensors in (module.parameters(recurse=False), module.buffers(recurse=False))
        for tensor in tensors
    ]
    trained = (
        [tensor for tensor in model.parameters() if tensor.requires_grad] if hasattr(model, "peft_config") else []
    )
    return added + trained
