"""Follows every storage of one training step on `meta` tensors and finds the peak of what is alive together.

Nothing is computed: `meta` tensors have shapes and dtypes, no data. What is counted is what PyTorch's CUDA allocator
counts as allocated, each storage rounded up to 512 bytes. Kernels that CUDA would take are in ``cuda_kernels.py``.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ladderscope.backbones.quantize import quantization_state
from ladderscope.components import HEAD, ComponentTracker, adapter_tensors
from ladderscope.training.loop import TrainingLoop
from studies.side_memory_7b.cuda_kernels import REPLACEMENTS, TEMPORARIES, cuda_functions

CUDA_BLOCK_BYTES = 512
SAVED, RECOMPUTED, TEMPORARY, LOGITS = "saved for backward", "recomputed", "temporaries", "logits and loss"


@dataclass(slots=True, eq=False)
class Block:
    """One storage: what made it, and what it turned out to be."""

    num_bytes: int
    category: str
    component: str
    made_by: str


@dataclass(frozen=True)
class TracedPeak:
    """The highest sum of live bytes; ``by_category`` sums to it. ``largest`` groups the step's own blocks."""

    num_bytes: int
    by_category: dict[str, int]
    operation: str
    largest: dict[str, int]
    resident_bytes: dict[str, int]


class StepTrace(TorchDispatchMode):
    """Counts the live storages of a training loop on `meta`.

    Args:
        loop: the package's loop over a model and batches on `meta`.
        block_bytes: what the allocator rounds up to; 1 for a CPU's.
    """

    def __init__(self, loop: TrainingLoop, block_bytes: int = CUDA_BLOCK_BYTES) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._loop = loop
        self._block_bytes = block_bytes
        self._tracker = ComponentTracker(loop.model)
        self._live: dict[int, tuple[Block, Any]] = {}
        self._events: list[tuple[int, Block, str]] = []
        self._where = self._outer = ""
        self._updating = False

    def run(self) -> TracedPeak:
        """Take two steps and report the second one, in which the optimizer's state exists."""
        for group in self._loop.optimizer.param_groups:
            group["foreach"] = True  # what AdamW takes by itself where parameters are on CUDA
        handles = [
            self._loop.optimizer.register_step_pre_hook(lambda *_: self._before_update()),
            self._loop.optimizer.register_step_post_hook(lambda *_: self._after_update()),
        ]
        kept = torch.autograd.graph.saved_tensors_hooks(self._mark_saved, lambda tensor: tensor)
        with cuda_functions(), kept, self, self._tracker.watch():
            self._loop.step()
            self._events.clear()
            residents = self._residents()
            self._loop.step()
        for handle in handles:
            handle.remove()
        return self._peak(residents)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
            # A value is asked of a tensor that has none. True and 1 are right for the three that a step asks: whether
            # all positions follow one another (an unpadded row), the number of tokens, and the loss to report.
            return args[0].dtype == torch.bool or 1
        if self._in_backward() and _is_sum_in_place(func, args):
            return args[0].add_(args[1])
        if func in REPLACEMENTS:
            with self._inside(func):
                return REPLACEMENTS[func](*args, **kwargs)
        temporaries: list[Tensor] = []
        if func in TEMPORARIES:
            with self._inside(func):
                temporaries = TEMPORARIES[func](*args, **kwargs)
        out = func(*args, **kwargs)
        self._where = self._place(func)
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and tensor.is_meta:
                self._track(tensor, TEMPORARY)
        del temporaries  # alive until here: inside of the kernel, they and its results are
        return out

    @contextmanager
    def _inside(self, func: Any) -> Iterator[None]:
        """What is allocated in here is tracked as part of ``func``."""
        self._outer = _short_name(func) + ": "
        with self:
            yield
        self._outer = ""

    def _track(self, tensor: Tensor, category: str) -> Block:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._live:
            return self._live[key][0]
        component = self._component()
        if component == HEAD and category == TEMPORARY:
            category = LOGITS
        elif self._in_backward() and self._tracker.in_forward:
            category = RECOMPUTED
        num_bytes = -(-storage.nbytes() // self._block_bytes) * self._block_bytes
        dtype = str(tensor.dtype).removeprefix("torch.")
        block = Block(num_bytes, category, component, f"{self._where} {tuple(tensor.shape)} {dtype}")
        self._live[key] = block, weakref.ref(storage, lambda _: self._free(key))
        self._events.append((num_bytes, block, self._where))
        return block

    def _free(self, key: int) -> None:
        block, _ = self._live.pop(key)
        self._events.append((-block.num_bytes, block, ""))

    def _place(self, func: Any) -> str:
        name = self._outer + _short_name(func)
        if not self._in_backward():
            return f"{self._component()} {name}"
        phase = "recompute" if self._tracker.in_forward else "backward"
        return f"{self._component()} {phase} {name} in {torch._C._current_autograd_node().name()}"

    def _component(self) -> str:
        return "optimizer" if self._updating else self._tracker.current()

    def _in_backward(self) -> bool:
        return torch._C._current_autograd_node() is not None

    def _mark_saved(self, tensor: Tensor) -> Tensor:
        entry = self._live.get(tensor.untyped_storage()._cdata) if tensor.is_meta else None
        if entry is not None and entry[0].category == TEMPORARY:
            entry[0].category = SAVED
        return tensor

    def _before_update(self) -> None:
        self._updating = True
        for parameter in self._loop.model.parameters():
            if parameter.grad is not None:
                self._track(parameter.grad, "gradients").category = "gradients"

    def _after_update(self) -> None:
        self._updating = False

    def _residents(self) -> dict[str, int]:
        """Name what stays between steps; all else that is still alive is ``other``."""
        model = self._loop.model
        groups: dict[str, Iterable[Tensor]] = {
            "quantization state": quantization_state(model),
            "adapter weights": adapter_tensors(model),
            "weights": [*model.parameters(), *model.buffers()],
            "optimizer state": [
                value for state in self._loop.optimizer.state.values() for value in state.values() if value.is_meta
            ],
        }
        for block, _ in self._live.values():
            block.category = "other"
        named: set[Block] = set()
        for category, tensors in groups.items():
            for tensor in tensors:
                block = self._track(tensor, category)
                if block not in named:
                    named.add(block)
                    block.category = category
        self._events.clear()
        residents: Counter[str] = Counter()
        for block, _ in self._live.values():
            residents[block.category] += block.num_bytes
        return dict(residents)

    def _peak(self, residents: dict[str, int]) -> TracedPeak:
        live = peak = sum(residents.values())
        at = 0
        for index, (num_bytes, _, _) in enumerate(self._events, 1):
            live += num_bytes
            if live > peak:
                peak, at = live, index
        by_category = Counter(residents)
        made_in_step: Counter[str] = Counter()
        for num_bytes, block, _ in self._events[:at]:
            category = f"{SAVED}: {block.component}" if block.category == SAVED else block.category
            by_category[category] += num_bytes
            made_in_step[f"{category}: {block.made_by}"] += num_bytes
        return TracedPeak(
            num_bytes=peak,
            by_category={name: size for name, size in by_category.items() if size},
            operation=self._events[at - 1][2] if at else "",
            largest={name: size for name, size in made_in_step.most_common(8) if size},
            resident_bytes=residents,
        )


def _short_name(func: Any) -> str:
    return str(func).removeprefix("aten.").removesuffix(".default")


def _is_sum_in_place(func: Any, args: tuple[Any, ...]) -> bool:
    """Whether autograd would add gradients up in place, as it does while no dispatch mode watches.

    It does where nothing else holds the first one; its handle in Python and this look are two holders.
    """
    if func is not torch.ops.aten.add.Tensor or not isinstance(args[1], Tensor) or args[0].shape != args[1].shape:
        return False
    return bool(torch._C._storage_Use_Count(args[0].untyped_storage()._cdata) == 2)
