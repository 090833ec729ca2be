"""A trace as a PyTorch memory snapshot, with module and operation in place of lines of code."""

from __future__ import annotations

import pickle
from collections import deque
from pathlib import Path
from typing import Any

from ladderscope.memory.allocator import Block, CachingAllocator
from ladderscope.memory.allocator.layout import describe
from ladderscope.memory.predict.allocations import Allocation
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.interventions import Intervention
from ladderscope.memory.replay import PREDICTED_BY, Frame, HistoryRecorder, make_snapshot
from ladderscope.memory.replay.snapshot import PICKLE_PROTOCOL


def save_snapshot(path: Path, device: SimulatedDevice) -> None:
    """Write the history of ``device``, and what it holds, to ``path``."""
    path.write_bytes(pickle.dumps(snapshot_of(device), protocol=PICKLE_PROTOCOL))


def snapshot_of(device: SimulatedDevice) -> dict[str, Any]:
    """The history of ``device``, and what it holds, in PyTorch's form, with a mark that it is predicted.

    The history is made anew: the same requests in the same order take the same way through the allocator, and what
    else was done to it is done again at the same place.
    """
    recorder = HistoryRecorder()
    allocator = CachingAllocator(device.allocator.config, device.capacity_bytes, on_event=recorder)
    blocks: dict[int, Block] = {}
    interventions = deque(device.interventions)
    for index, event in enumerate(device.events):
        _catch_up(interventions, index, allocator)
        allocation = event.allocation
        if not allocation.num_bytes:
            continue
        if event.is_alloc:
            recorder.user_metadata, recorder.frames = allocation.category, (_frame(allocation),)
            blocks[allocation.number] = allocator.malloc(allocation.num_bytes, allocation.stream)
        else:
            allocator.free(blocks.pop(allocation.number))
    _catch_up(interventions, len(device.events), allocator)
    snapshot = make_snapshot(describe(allocator), recorder.events, allocator.config)
    return {**snapshot, PREDICTED_BY: "ladderscope"}


def _catch_up(interventions: deque[Intervention], index: int, allocator: CachingAllocator) -> None:
    while interventions and interventions[0].before_event <= index:
        interventions.popleft().act(allocator)


def _frame(allocation: Allocation) -> Frame:
    return Frame(allocation.module or allocation.phase, 0, allocation.operation)
