"""Measures on the CPU: the allocator's own events, as ``torch.profiler`` records them."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._C._profiler import RecordScope, _EventType

from ladderscope.components import HEAD, RANGE_PREFIX, ComponentTracker
from ladderscope.memory.residents import resident_bytes
from ladderscope.memory.timeline import Event, find_peak, kept_for_backward
from ladderscope.parallel.replicas import bucket_sizes
from ladderscope.records import COLLECTIVES, Memory
from ladderscope.torch_internals import unwrapped
from ladderscope.training.loop import TrainingLoop


class CpuMeter:
    """Peak of PyTorch's CPU allocator, to the byte; there is no rounding and no cache on a CPU."""

    name = "cpu"
    device = torch.device("cpu")

    def hardware(self) -> str | None:
        """None: nothing but the CPU is measured."""
        return None

    def measure_step(self, loop: TrainingLoop) -> Memory:
        """One training step under the profiler, on top of the tensors that are alive before it."""
        batches = loop.next_batches()
        loop.model.train()
        tracker = ComponentTracker(loop.model, ranges=True)
        residents = resident_bytes(loop.model, loop.optimizer, self.device, bucket_sizes(loop.runs))
        activities = [torch.profiler.ProfilerActivity.CPU]
        with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
            with tracker.watch():
                loop.backward(batches)
            gradients = {_storage_address(p.grad) for p in loop.model.parameters() if p.grad is not None}
            with torch.profiler.record_function(_UPDATE):
                loop.update()
        placed = _placed_allocations(profile, tracker)
        events = _events(placed, gradients)
        peak, begin = find_peak(residents, events), _backward_begins(placed)
        return Memory(
            peak_allocated_bytes=peak.num_bytes,
            peak_reserved_bytes=None,
            peak_rss_bytes=peak_rss_bytes(),
            breakdown_bytes=peak.breakdown_bytes,
            saved_for_backward_bytes=None if begin is None else kept_for_backward(events[:begin]),
        )


_UPDATE = RANGE_PREFIX + "update"
_FSDP = "FSDP::"
"""Begins the names of FSDP2's own profiler ranges, in which it gathers weights and reduces gradients."""


def peak_rss_bytes() -> int:
    """Highest resident set size of this process so far: loading, training and measuring."""
    with suppress(OSError):
        # Linux starts getrusage's maximum at what the parent had; this one is the process's own.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _storage_address(tensor: Tensor) -> int:
    return unwrapped(tensor).untyped_storage().data_ptr()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the step an event happened."""

    component: str = HEAD  # what runs outside of all modules is loss
    in_backward: bool = False
    in_update: bool = False


_Placed = tuple[Any, _Place]
"""An allocation or a free of the profiler, and where it happened."""


def _placed_allocations(profile: Any, tracker: ComponentTracker) -> list[_Placed]:
    tree = profile.profiler.kineto_results.experimental_event_tree()
    return sorted(_allocations(tree, _Place(), tracker), key=lambda pair: pair[0].start_time_ns)


def _backward_begins(placed: list[_Placed]) -> int | None:
    """The index of the first allocation of a backward operation; None where there is no backward."""
    return next((i for i, (_, place) in enumerate(placed) if place.in_backward), None)


def _events(placed: list[_Placed], gradients: set[int]) -> list[Event]:
    kept = _kept_gradients(placed, gradients)
    return [
        Event(
            address=event.extra_fields.ptr,
            num_bytes=event.extra_fields.alloc_size,
            category="gradients" if index in kept else _category(place),
        )
        for index, (event, place) in enumerate(placed)
    ]


def _kept_gradients(placed: list[_Placed], gradients: set[int]) -> set[int]:
    """Of the allocations at a gradient's address, the last before the update is the gradient."""
    last: dict[int, int] = {}
    for index, (event, place) in enumerate(placed):
        if event.extra_fields.alloc_size > 0 and event.extra_fields.ptr in gradients and not place.in_update:
            last[event.extra_fields.ptr] = index
    return set(last.values())


def _allocations(events: list[Any], place: _Place, tracker: ComponentTracker) -> Iterator[_Placed]:
    for event in events:
        if event.tag == _EventType.Allocation:
            yield event, place
        elif event.children:
            yield from _allocations(event.children, _place(event, place, tracker), tracker)


def _place(event: Any, outer: _Place, tracker: ComponentTracker) -> _Place:
    """The place inside ``event``: the innermost profiler range or backward operation says whose it is."""
    if event.name == _UPDATE:
        return _Place(in_update=True)
    if event.name.startswith(_FSDP):
        return _Place(COLLECTIVES, outer.in_backward)
    if event.name.startswith(RANGE_PREFIX):
        return _Place(event.name.removeprefix(RANGE_PREFIX), outer.in_backward)
    if event.tag == _EventType.TorchOp and event.extra_fields.scope == RecordScope.BACKWARD_FUNCTION:
        return _Place(tracker.of_sequence_number(event.extra_fields.sequence_number), in_backward=True)
    return outer


def _category(place: _Place) -> str:
    if place.in_update:
        return "other"  # a temporary: the optimizer's state was made in earlier steps
    if place.component == COLLECTIVES:
        return COLLECTIVES
    return "logits_and_loss" if place.component == HEAD else "activations"
