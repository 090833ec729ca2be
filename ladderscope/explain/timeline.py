"""A phase of a trace as a series for a figure: bytes by category behind every event, thinned out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.predict.allocations import Event
from ladderscope.records import BREAKDOWN_CATEGORIES

MAX_POINTS = 800
ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Memory over a phase. Where there are more events than points, each point is the fullest moment of its stretch.

    Args:
        events: numbers of the events shown, counted from the beginning of the phase.
        by_category: category -> bytes at each of them.
        reserved_bytes: that the allocator holds at each of them.
        sections: where forward, backward, optimizer step... begin: (event, name).
        peak_at: number of the event of the peak.
        peak_bytes: that are allocated there.
    """

    events: list[int]
    by_category: dict[str, list[int]]
    reserved_bytes: list[int]
    sections: list[tuple[int, str]]
    peak_at: int
    peak_bytes: int


def timeline_of(trace: MemoryTrace, phase: str, max_points: int = MAX_POINTS) -> Timeline:
    """The memory over one span of a trace.

    Raises:
        StopIteration: there is no such span.
    """
    span = next(span for span in trace.spans if span.name == phase)
    parts: Counter[str] = Counter()
    for event in trace.events[: span.start]:
        _apply(parts, event)
    events = trace.events[span.start : span.stop]
    stretch = max(1, -(-len(events) // max_points))
    kept: list[tuple[int, int, dict[str, int], int]] = []
    for number, event in enumerate(events):
        _apply(parts, event)
        point = (number, sum(parts.values()), dict(parts), event.reserved_bytes)
        if number % stretch == 0:
            kept.append(point)
        elif point[1] > kept[-1][1]:
            kept[-1] = point
    highest = max(kept, key=lambda point: point[1], default=(0, 0, {}, 0))
    return Timeline(
        events=[number for number, *_ in kept],
        by_category={name: [values.get(name, 0) for _, _, values, _ in kept] for name in BREAKDOWN_CATEGORIES},
        reserved_bytes=[reserved for *_, reserved in kept],
        sections=_sections(events),
        peak_at=highest[0],
        peak_bytes=highest[1],
    )


def _apply(parts: Counter[str], event: Event) -> None:
    allocation, sign = event.allocation, 1 if event.is_alloc else -1
    parts[allocation.category] += sign * allocation.num_bytes
    parts[ROUNDING] += sign * (allocation.block_bytes - allocation.num_bytes)


def _sections(events: list[Event]) -> list[tuple[int, str]]:
    sections: list[tuple[int, str]] = []
    for number, event in enumerate(events):
        if event.is_alloc and (not sections or sections[-1][1] != event.allocation.phase):
            sections.append((number, event.allocation.phase))
    return sections
