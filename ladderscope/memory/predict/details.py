"""What a trace tells about a stretch beyond its peak: where the bytes are, and what forward leaves for backward."""

from __future__ import annotations

from ladderscope.memory.names import plain_name
from ladderscope.memory.places import places_by_category
from ladderscope.memory.predict.allocations import Allocation
from ladderscope.memory.predict.modules import BACKWARD, FORWARD
from ladderscope.memory.predict.trace import MemoryTrace
from ladderscope.memory.timeline import KEPT_CATEGORIES
from ladderscope.records import Details


def details_of(trace: MemoryTrace, span: str | None = None) -> Details:
    """Where the bytes of a span are at its peak, and those that forward keeps for backward."""
    peak = trace.peak(span)
    start, _ = trace.bounds(span)
    at = trace.events[peak.index].allocation if peak.index >= start else None
    kept = kept_for_backward(trace, span) or ()
    return Details(
        peak_at="" if at is None else describe_place(at),
        at_peak=places_by_category(peak.live),
        saved_for_backward=places_by_category(kept),
    )


def describe_place(allocation: Allocation) -> str:
    """Where an allocation was made: ``"backward, lm_head, mm"``."""
    module = plain_name(allocation.module) if allocation.module else ""
    return ", ".join(part for part in (allocation.phase, module, allocation.operation) if part)


def kept_for_backward(trace: MemoryTrace, span: str | None = None) -> tuple[Allocation, ...] | None:
    """What the first forward pass of a span leaves in memory for its backward pass.

    These are activations, logits and loss that are in use when backward begins, whoever holds them: autograd, a
    checkpoint, a custom function, or the code itself.

    Returns:
        The blocks; None where the span has no backward pass.
    """
    start, stop = trace.bounds(span)
    live: dict[int, Allocation] = {}
    for event in trace.events[start:stop]:
        allocation = event.allocation
        if not event.is_alloc:
            live.pop(allocation.number, None)
        elif allocation.phase == BACKWARD:
            return tuple(live.values())
        elif allocation.phase == FORWARD and allocation.category in KEPT_CATEGORIES:
            live[allocation.number] = allocation
    return None
