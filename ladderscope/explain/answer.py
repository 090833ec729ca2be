"""The answer of ``ladderscope explain`` for one cell, as data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ladderscope.explain.tree import Node, cut, memory_tree
from ladderscope.memory.names import plain_name
from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.predict.allocations import Allocation
from ladderscope.memory.predict.gpus import Gpu
from ladderscope.predict import Prediction
from ladderscope.records import Cell, RankMemory


@dataclass(frozen=True)
class Answer:
    """What one phase of a cell's training needs at its peak. All of it is predicted.

    Args:
        cell: the cell.
        gpu: that it is predicted for.
        phase: a span of the trace.
        tree: of the peak.
        reserved_bytes: the most that the allocator holds in the phase.
        at: the allocation with which the peak is reached; None where a phase begins at its peak.
        top: the largest allocations at the peak.
        unverified: rules behind the numbers that no recorded run has confirmed.
        trace: the whole trace.
        ranks: of a cell on several GPUs, whose steady steps they tell; the trace is that of the fullest.
    """

    cell: Cell
    gpu: Gpu
    phase: str
    tree: Node
    reserved_bytes: int
    at: Allocation | None
    top: tuple[Allocation, ...]
    unverified: tuple[str, ...]
    trace: MemoryTrace
    ranks: tuple[RankMemory, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the allocator never asks for more than the GPU has, in this phase."""
        return self.reserved_bytes <= self.gpu.usable_bytes

    @property
    def too_large_elsewhere(self) -> dict[str, int]:
        """Other phases in which the allocator holds more than the GPU has, and how many bytes it holds there."""
        names = dict.fromkeys(span.name for span in self.trace.spans if span.name != self.phase)
        held = {name: self.trace.peak_reserved(name) for name in names}
        return {name: size for name, size in held.items() if size > self.gpu.usable_bytes}

    def to_json(self, depth: int | None = None) -> dict[str, Any]:
        """The answer as JSON values, the tree down to ``depth`` levels."""
        return {
            "predicted": True,
            "cell_id": self.cell.cell_id,
            "cell": self.cell.to_json(),
            "gpu": {
                "name": self.gpu.name,
                "title": self.gpu.title,
                "memory_bytes": self.gpu.memory_bytes,
                "usable_bytes": self.gpu.usable_bytes,
            },
            "phase": self.phase,
            "fits": self.fits,
            "too_large_elsewhere": self.too_large_elsewhere,
            "peak_allocated_bytes": self.tree.num_bytes,
            "peak_reserved_bytes": self.reserved_bytes,
            "peak_at": None if self.at is None else _where(self.at),
            "tree": (self.tree if depth is None else cut(self.tree, depth)).to_json(),
            "top": [{**_where(allocation), **_what(allocation)} for allocation in self.top],
            "unverified": list(self.unverified),
            **({"ranks": [dataclasses.asdict(rank) for rank in self.ranks]} if self.ranks else {}),
        }


def answer_of(prediction: Prediction, gpu: Gpu, phase: str, top: int = 0) -> Answer:
    """Explain the peak of one phase of a predicted cell."""
    trace = prediction.trace
    peak = trace.peak(phase)
    span = next(span for span in trace.spans if span.name == phase)
    largest = sorted(peak.live, key=lambda allocation: -allocation.block_bytes)[:top]
    return Answer(
        cell=prediction.record.cell,
        gpu=gpu,
        phase=phase,
        tree=memory_tree(peak.live),
        reserved_bytes=trace.peak_reserved(phase),
        at=trace.events[peak.index].allocation if peak.index >= span.start else None,
        top=tuple(largest),
        unverified=tuple(trace.rules.unverified),
        trace=trace,
        ranks=tuple(prediction.record.ranks),
    )


def _where(allocation: Allocation) -> dict[str, Any]:
    return {
        "phase": allocation.phase,
        "module": plain_name(allocation.module) if allocation.module else "",
        "operation": allocation.operation,
    }


def _what(allocation: Allocation) -> dict[str, Any]:
    return {
        "bytes": allocation.num_bytes,
        "block_bytes": allocation.block_bytes,
        "category": allocation.category,
        "shape": allocation.shape,
    }
