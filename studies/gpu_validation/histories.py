"""A step as its requests for memory: how large each was and how long it lived, recorded and predicted alike."""

from __future__ import annotations

from dataclasses import dataclass

from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.predict.allocations import Allocation
from ladderscope.memory.replay.trace import Trace


@dataclass(slots=True)
class Request:
    """Memory that was asked for.

    Args:
        size: in bytes.
        allocation: where in the code, which only a prediction knows.
        freed_behind: how many requests the step had made when it was freed; None for what outlives the step.
    """

    size: int
    allocation: Allocation | None = None
    freed_behind: int | None = None


@dataclass(frozen=True)
class History:
    """The requests of a step in order, and what was there when it began."""

    requests: list[Request]
    at_start: list[Request]

    @property
    def sizes(self) -> list[int]:
        """Of the requests, in bytes."""
        return [request.size for request in self.requests]


def recorded_history(trace: Trace) -> History:
    """Of a trace that covers the step and nothing else."""
    live = {address: Request(size) for address, size in _at_start(trace).items()}
    found = History([], list(live.values()))
    for event in trace.events:
        if event.action == "alloc":
            live[event.address] = Request(event.size)
            found.requests.append(live[event.address])
        elif event.action == "free_completed" and event.address in live:
            live.pop(event.address).freed_behind = len(found.requests)
    return found


def _at_start(trace: Trace) -> dict[int, int]:
    """Bytes asked for by address, of what was allocated before the first event: the end, walked back."""
    live = {
        block.address: block.requested_size
        for segment in trace.final_segments
        for block in segment.blocks
        if block.requested_size is not None
    }
    for event in reversed(trace.events):
        if event.action == "alloc":
            live.pop(event.address, None)
        elif event.action == "free_completed":
            live[event.address] = event.size
    return live


def predicted_history(trace: MemoryTrace, span: str) -> History:
    """Of a span of a trace of the simulated GPU. Requests for nothing are left out: CUDA's allocator sees none."""
    start, stop = trace.bounds(span)
    live: dict[int, Request] = {}
    found = History([], [])
    for index, event in enumerate(trace.events[:stop]):
        if index == start:
            found.at_start.extend(live.values())
        allocation = event.allocation
        if not allocation.num_bytes:
            continue
        if event.is_alloc:
            live[allocation.number] = Request(allocation.num_bytes, allocation)
            if index >= start:
                found.requests.append(live[allocation.number])
        else:
            live.pop(allocation.number).freed_behind = len(found.requests)
    return found
