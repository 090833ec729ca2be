"""What a prediction found: peaks, what they are made of, and how memory went."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ladderscope.memory.allocator import OutOfDeviceMemory
from ladderscope.memory.predict.allocations import Allocation, Event, Span, live_bytes
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.gpus import Gpu
from ladderscope.memory.predict.ownership import Ownership
from ladderscope.memory.predict.rules import Rules
from ladderscope.memory.predict.snapshots import save_snapshot
from ladderscope.records import BREAKDOWN_CATEGORIES, COLLECTIVES

ROUNDING = "rounding"


@dataclass(frozen=True)
class Moment:
    """The state of memory behind event ``index``: what is allocated, by category; the parts sum to it."""

    index: int
    allocated_bytes: int
    reserved_bytes: int
    breakdown_bytes: dict[str, int]
    live: tuple[Allocation, ...]


class MemoryTrace:
    """The memory of a simulated device over time. All of it is predicted.

    Args:
        device: the simulated device, which goes on writing as code runs.
        gpu: the GPU that it stands for.
        ownership: says what blocks are for.
        rules: that it follows; what they say to be unverified grows with what the code does.
    """

    def __init__(self, device: SimulatedDevice, gpu: Gpu, ownership: Ownership, rules: Rules) -> None:
        self._device = device
        self._ownership = ownership
        self.gpu = gpu
        self.rules = rules
        self.spans: list[Span] = []

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Name a stretch of the trace, for :meth:`peak`: ``with trace.span("first step"):``."""
        start = len(self._device.events)
        try:
            yield
        finally:
            self.spans.append(Span(name, start, len(self._device.events)))

    def name_model(self, model: nn.Module) -> None:
        """Name modules from this model on; without it, from the outermost module that is called."""
        self._ownership.register(model)

    def note(self, sentence: str) -> None:
        """Add to ``rules.unverified`` what the running code made uncertain; once is enough."""
        if sentence not in self.rules.unverified:
            self.rules = dataclasses.replace(self.rules, unverified=(*self.rules.unverified, sentence))

    def finish(self) -> None:
        """Name what models and optimizers own at the end."""
        self._ownership.refresh()

    @property
    def events(self) -> list[Event]:
        """All allocations and frees, in order."""
        return self._device.events

    @property
    def first_oom(self) -> OutOfDeviceMemory | None:
        """What happened when the GPU's memory first ran out; None if it never did."""
        return self._device.first_oom

    def save_snapshot(self, path: str | Path) -> None:
        """Write a PyTorch memory snapshot: for pytorch.org/memory_viz and the tools that read those.

        It has all that happened, also behind the end of memory where ``on_oom="continue"`` went on: its numbers are
        those of :meth:`peak` and :meth:`peak_reserved`, and ``ladderscope replay`` finds the same.
        """
        save_snapshot(Path(path), self._device)

    @property
    def peak_allocated_bytes(self) -> int:
        """Most bytes that were allocated at a time."""
        return self.peak().allocated_bytes

    @property
    def peak_reserved_bytes(self) -> int:
        """Most bytes that the allocator held at a time."""
        return self.peak_reserved()

    def peak_reserved(self, span: str | None = None) -> int:
        """Most bytes that the allocator held at a time, in the whole trace or in a span."""
        start, stop = self.bounds(span)
        held = self.events[start - 1].reserved_bytes if start else 0
        for done in self._device.interventions:
            if done.before_event == start:
                held = done.reserved_bytes
        return max((held, *(event.reserved_bytes for event in self.events[start:stop])))

    def peak(self, span: str | None = None) -> Moment:
        """The first moment at which most is allocated, in the whole trace or in a span.

        Raises:
            KeyError: there is no such span.
        """
        start, stop = self.bounds(span)
        at, most = -1, -1
        for index, live in enumerate(live_bytes(self.events[:stop])):
            if index >= start - 1 and live > most:
                at, most = index, live
        return self.moment(at)

    def breakdown(self, span: str | None = None) -> dict[str, int]:
        """The peak by category, in bytes; sums to it exactly."""
        return self.peak(span).breakdown_bytes

    def top_allocations(self, n: int = 10, span: str | None = None) -> list[Allocation]:
        """The ``n`` largest blocks that are in use at the peak."""
        return sorted(self.peak(span).live, key=lambda allocation: -allocation.block_bytes)[:n]

    def timeline(self) -> list[tuple[int, int]]:
        """Allocated and reserved bytes behind every event."""
        reserved = (event.reserved_bytes for event in self.events)
        return list(zip(live_bytes(self.events), reserved, strict=True))

    def moment(self, index: int) -> Moment:
        """The state of memory behind event ``index``; -1 is before the first."""
        live: dict[int, Allocation] = {}
        for event in self.events[: index + 1]:
            if event.is_alloc:
                live[event.allocation.number] = event.allocation
            else:
                del live[event.allocation.number]
        breakdown: Counter[str] = Counter(dict.fromkeys(BREAKDOWN_CATEGORIES, 0))
        for allocation in live.values():
            breakdown[allocation.category] += allocation.num_bytes
            breakdown[ROUNDING] += allocation.block_bytes - allocation.num_bytes
        if not breakdown[COLLECTIVES]:
            del breakdown[COLLECTIVES]  # of a single GPU there are none to tell of
        reserved = self.events[index].reserved_bytes if index >= 0 else 0
        return Moment(index, sum(breakdown.values()), reserved, dict(breakdown), tuple(live.values()))

    def bounds(self, span: str | None) -> tuple[int, int]:
        """The first event of a span, and the one behind its last; of the whole trace without a name.

        Raises:
            KeyError: there is no such span.
        """
        if span is None:
            return 0, len(self.events)
        for known in self.spans:
            if known.name == span:
                return known.start, known.stop
        raise KeyError(span)
