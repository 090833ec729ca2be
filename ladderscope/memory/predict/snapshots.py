"""A trace as a PyTorch memory snapshot, with module and operation in place of lines of code."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from ladderscope.memory.allocator import CachingAllocator
from ladderscope.memory.allocator.layout import describe
from ladderscope.memory.predict.allocations import Allocation, Event
from ladderscope.memory.replay import Frame, HistoryEvent, write_snapshot


def save_snapshot(
    path: Path, allocator: CachingAllocator, history: Iterable[HistoryEvent], events: Iterable[Event]
) -> None:
    """Write what ``allocator`` holds and its ``history`` to ``path``.

    Args:
        path: of the pickle.
        allocator: at the end of the trace.
        history: every event of the allocator.
        events: of the trace, which know what each allocation is for.
    """
    allocations = (event.allocation for event in events if event.is_alloc and event.allocation.num_bytes)
    write_snapshot(path, describe(allocator), _explained(history, allocations), allocator.config)


def _explained(history: Iterable[HistoryEvent], allocations: Iterator[Allocation]) -> Iterator[HistoryEvent]:
    for event in history:
        if event.action != "alloc":
            yield event
            continue
        allocation = next(allocations)
        place = Frame(allocation.module or allocation.phase, 0, allocation.operation)
        yield dataclasses.replace(event, user_metadata=allocation.category, frames=(place,))
