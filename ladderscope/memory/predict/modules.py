"""Where in a model the running code is: phase and module, for any model and any training script."""

from __future__ import annotations

import bisect
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from ladderscope.memory.predict.refusals import UnpredictableError

LOAD, FORWARD, BACKWARD, UPDATE = "load", "forward", "backward", "optimizer step"


class Frame(NamedTuple):
    """A running module, and whether it is the head or runs behind it."""

    module: str
    is_loss: bool


class _Here(threading.local):
    """Where one thread is. Autograd counts by thread too."""

    def __init__(self) -> None:
        self.stack: list[Frame] = []
        self.changes: list[tuple[int, Frame]] = [(0, Frame("", False))]
        self.updating = False
        self.collective: str | None = None
        """The module whose parameters pass between ranks; None where none do."""


class ModulePlace:
    """Follows modules through forward, and back from autograd's nodes to the module whose forward made them."""

    on_new_model: Callable[[nn.Module], None] | None = None
    """Is told of every model, at the first call of its outermost module."""

    def __init__(self) -> None:
        self._names: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
        self._roots: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._here = _Here()
        self._heads: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Follow every module inside."""
        hooks = nn.modules.module
        handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def update(self, running: bool) -> None:
        """An optimizer's step begins or ends in this thread."""
        self._here.updating = running

    @contextmanager
    def communicating(self, module: str = "") -> Iterator[None]:
        """Inside, this thread allocates for what passes between ranks, of the parameters of a module."""
        before, self._here.collective = self._here.collective, module
        try:
            yield
        finally:
            self._here.collective = before

    def describe(self) -> tuple[str, str, str]:
        """Category, module and phase of what is allocated now."""
        node: Any = torch._C._current_autograd_node()
        here = self._here
        if here.updating:
            return "other", "", UPDATE
        if here.collective is not None:
            forward = FORWARD if self._roots else LOAD
            return "collectives", here.collective, forward if node is None else BACKWARD
        if node is not None:
            return _described(here.stack[-1] if here.stack else self._made_node(node._sequence_nr()), BACKWARD)
        if here.stack:
            return _described(here.stack[-1], FORWARD)
        return ("logits_and_loss", "", FORWARD) if self._roots else ("other", "", LOAD)

    def _made_node(self, sequence_number: int) -> Frame:
        index = bisect.bisect_right(self._here.changes, sequence_number, key=lambda change: change[0])
        return self._here.changes[max(0, index - 1)][1]

    def _enter(self, module: nn.Module, args: Any) -> None:
        # A part of a known model runs alone when checkpointing recomputes it.
        if not self._here.stack and module not in self._names:
            self.register(module)
        behind_head = bool(self._here.stack) and self._here.stack[-1].is_loss
        frame = Frame(self.name_of(module), behind_head or module in self._heads)
        self._here.stack.append(frame)
        self._changed(frame)

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._here.stack.pop().is_loss:
            # Whatever follows the head until the model returns is loss.
            self._here.stack = [frame._replace(is_loss=True) for frame in self._here.stack]
        self._changed(self._here.stack[-1] if self._here.stack else Frame("", True))

    def _changed(self, frame: Frame) -> None:
        if torch._C._current_autograd_node() is None and frame != self._here.changes[-1][1]:
            self._here.changes.append((torch._C._autograd._get_sequence_nr(), frame))

    def register(self, root: nn.Module) -> None:
        """Name the modules of a model from its root on; a part that was or is called by itself keeps those names."""
        if isinstance(root, nn.parallel.DistributedDataParallel):
            self._names[root] = ""
            root = root.module
        self._roots.add(root)
        for name, module in root.named_modules():
            if isinstance(module, torch.jit._script.RecursiveScriptModule):
                raise UnpredictableError(
                    "predict_memory does not follow modules of torch.jit.script: hand over the module itself, or "
                    "script it inside of predict_memory, where that changes nothing."
                )
            self._names[module] = max(name, self._names.get(module, ""), key=len)
        head = _head(root)
        if head is not None:
            self._heads.add(head)
        if self.on_new_model is not None:
            self.on_new_model(root)

    def name_of(self, module: nn.Module) -> str:
        """The name of a module from the root of its model on; that of a root is its class."""
        name = self._names.get(module)
        return "" if name is None else name or type(module).__name__


def _described(frame: Frame, phase: str) -> tuple[str, str, str]:
    return "logits_and_loss" if frame.is_loss else "activations", frame.module, phase


def _head(root: Any) -> nn.Module | None:
    model = root.get_base_model() if hasattr(root, "get_base_model") else root
    if not hasattr(model, "get_output_embeddings"):
        return None
    try:
        head = model.get_output_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return head if isinstance(head, nn.Module) else None
