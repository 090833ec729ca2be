"""Requests for memory of a recorded step beside those of the same step on the simulated GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.replay.trace import Trace
from ladderscope.units import GIB
from studies.prediction_accuracy.alignment import matching_pairs

_BLOCK = 512


@dataclass(frozen=True)
class Requests:
    """Sizes that were asked for, in order, and the most bytes allocated at a time, in blocks of 512."""

    sizes: list[int]
    peak_bytes: int


@dataclass(frozen=True)
class Comparison:
    """A predicted step beside the recorded one."""

    name: str
    recorded: Requests
    predicted: Requests

    @property
    def matched(self) -> int:
        """Requests of the same size at the same place of the order."""
        return len(matching_pairs(self.recorded.sizes, self.predicted.sizes))

    @property
    def match_share(self) -> float:
        """Of the longer list."""
        return self.matched / max(len(self.recorded.sizes), len(self.predicted.sizes))

    @property
    def peak_ratio(self) -> float:
        """Predicted over recorded."""
        return self.predicted.peak_bytes / self.recorded.peak_bytes


def table(comparisons: Sequence[Comparison]) -> str:
    """A row for each step, as Markdown."""
    lines = [
        "| recorded step | requests | predicted | matched | peak recorded (GiB) | predicted (GiB) | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *map(_row, comparisons)])


def _row(found: Comparison) -> str:
    counts = f"{len(found.recorded.sizes)} | {len(found.predicted.sizes)} | {found.match_share:.2%}"
    peaks = f"{found.recorded.peak_bytes / GIB:.3f} | {found.predicted.peak_bytes / GIB:.3f} | {found.peak_ratio:.4f}"
    return f"| {found.name} | {counts} | {peaks} |"


def recorded_requests(trace: Trace) -> Requests:
    """What a recorded process asked for, and its peak, what it held at the start included."""
    live = sum(_rounded(block.requested_size or 0) for segment in trace.final_segments for block in segment.blocks)
    peak = live
    for event in reversed(trace.events):
        if event.action == "alloc":
            live -= _rounded(event.size)
        elif event.action == "free_completed":
            live += _rounded(event.size)
        peak = max(peak, live)
    return Requests([event.size for event in trace.events if event.action == "alloc"], peak)


def predicted_requests(trace: MemoryTrace, span: str) -> Requests:
    """The same of a span of a trace of the simulated GPU."""
    start, stop = trace.bounds(span)
    live = peak = 0
    sizes = []
    for index, event in enumerate(trace.events[:stop]):
        num_bytes = event.allocation.num_bytes
        live += _rounded(num_bytes) if event.is_alloc else -_rounded(num_bytes)
        if index >= start:
            peak = max(peak, live)
            # CUDA's allocator is not asked for nothing.
            if event.is_alloc and num_bytes:
                sizes.append(num_bytes)
    return Requests(sizes, peak)


def _rounded(num_bytes: int) -> int:
    return -(-num_bytes // _BLOCK) * _BLOCK
