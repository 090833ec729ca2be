"""Measures on the CPU: the allocator's own events, as ``torch.profiler`` records them."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch._C._profiler import RecordScope, _EventType

from ladderscope.components import HEAD, RANGE_PREFIX, ComponentTracker
from ladderscope.memory.residents import resident_bytes
from ladderscope.memory.timeline import Event, find_peak
from ladderscope.records import Memory
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
        residents = resident_bytes(loop.model, loop.optimizer, self.device)
        activities = [torch.profiler.ProfilerActivity.CPU]
        with torch.profiler.profile(activities=activities, profile_memory=True, acc_events=True) as profile:
            with tracker.watch():
                loop.backward(batches)
            gradients = {_storage_address(p.grad) for p in loop.model.parameters() if p.grad is not None}
            with torch.profiler.record_function(_UPDATE):
                loop.update()
        peak = find_peak(residents, _events(profile, tracker, gradients))
        return Memory(
            peak_allocated_bytes=peak.num_bytes,
            peak_reserved_bytes=None,
            peak_rss_bytes=peak_rss_bytes(),
            breakdown_bytes=peak.breakdown_bytes,
        )


_UPDATE = RANGE_PREFIX + "update"


def peak_rss_bytes() -> int:
    """Highest resident set size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _storage_address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _events(profile: Any, tracker: ComponentTracker, gradients: set[int]) -> list[Event]:
    raw = sorted(
        _allocations(profile.profiler.kineto_results.experimental_event_tree()), key=lambda e: e.start_time_ns
    )
    kept = _kept_gradients(raw, gradients)
    return [
        Event(
            address=event.extra_fields.ptr,
            num_bytes=event.extra_fields.alloc_size,
            category="gradients" if index in kept else _category(event, tracker),
        )
        for index, event in enumerate(raw)
    ]


def _kept_gradients(raw: list[Any], gradients: set[int]) -> set[int]:
    """Of the allocations at a gradient's address, the last before the update is the gradient."""
    last: dict[int, int] = {}
    for index, event in enumerate(raw):
        if (
            event.extra_fields.alloc_size > 0
            and event.extra_fields.ptr in gradients
            and not _is_inside(event, _UPDATE)
        ):
            last[event.extra_fields.ptr] = index
    return set(last.values())


def _allocations(events: list[Any]) -> Iterator[Any]:
    for event in events:
        if event.tag == _EventType.Allocation:
            yield event
        yield from _allocations(event.children)


def _category(event: Any, tracker: ComponentTracker) -> str:
    if _is_inside(event, _UPDATE):
        return "other"  # a temporary: the optimizer's state was made in earlier steps
    return "logits_and_loss" if _component(event, tracker) == HEAD else "activations"


def _component(event: Any, tracker: ComponentTracker) -> str:
    for ancestor in _ancestors(event):
        if ancestor.name.startswith(RANGE_PREFIX):
            return str(ancestor.name.removeprefix(RANGE_PREFIX))
        fields = ancestor.extra_fields
        if getattr(fields, "scope", None) == RecordScope.BACKWARD_FUNCTION:
            return tracker.of_sequence_number(fields.sequence_number)
    return HEAD


def _is_inside(event: Any, range_name: str) -> bool:
    return any(ancestor.name == range_name for ancestor in _ancestors(event))


def _ancestors(event: Any) -> Iterator[Any]:
    while (event := event.parent) is not None:
        yield event
