"""The allocations of a trace: what was asked for, where in the code, and for how long it lived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(slots=True, eq=False)
class Allocation:
    """One block of device memory.

    Args:
        number: its place in the order of all allocations.
        num_bytes: that were asked for.
        block_bytes: that the allocator gave: rounded up, and with a remainder too small to split off.
        address: of the block.
        category: one of the categories of a breakdown; set anew when it turns out to be a weight or a gradient.
        module: name of the module at work, from the root of its model; empty outside of all modules. That of a
            weight, a gradient or an optimizer's state is the module of the parameter.
        operation: of PyTorch, ``"mm"``, or what made the block inside of one, ``"flash_backward: dq_accum"``; of a
            weight and a gradient the parameter's name, ``"weight"``, and the state's own name, ``"exp_avg"``.
        phase: of the training, ``"forward"``, ``"backward"``...
        shape: of the tensor, for people.
        stream: whose blocks it came from; 0 is the default stream.
    """

    number: int
    num_bytes: int
    block_bytes: int
    address: int
    category: str
    module: str
    operation: str
    phase: str
    shape: str = ""
    stream: int = 0


class Event(NamedTuple):
    """An allocation, or its end."""

    allocation: Allocation
    is_alloc: bool
    reserved_bytes: int


@dataclass(frozen=True)
class Span:
    """A stretch of a trace, from event ``start`` up to but not including event ``stop``."""

    name: str
    start: int
    stop: int


def live_bytes(events: list[Event]) -> Iterator[int]:
    """Allocated bytes behind every event, counted from the first one."""
    live = 0
    for event in events:
        live += event.allocation.block_bytes if event.is_alloc else -event.allocation.block_bytes
        yield live
