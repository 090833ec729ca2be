"""Measures on a CUDA device: the caching allocator's own statistics and history."""

from __future__ import annotations

import gc
from typing import Any

import torch

from ladderscope.errors import UsageError
from ladderscope.memory.cpu import peak_rss_bytes
from ladderscope.memory.replay.pytorch import snapshot_traces
from ladderscope.memory.replay.trace import Trace
from ladderscope.memory.residents import resident_bytes
from ladderscope.memory.timeline import Event, find_peak, kept_for_backward
from ladderscope.parallel.replicas import bucket_sizes
from ladderscope.records import Memory
from ladderscope.torch_internals import clear_cublas_workspaces, unwrapped
from ladderscope.training.loop import TrainingLoop


class CudaMeter:
    """``torch.cuda.max_memory_allocated`` and ``max_memory_reserved`` of one step, reset just before it.

    The breakdown replays the allocator's history of the same step; ``activations`` hold everything that the step
    allocates beside gradients, so logits, loss and temporaries too. What the statistic counts beyond the replay
    (blocks are rounded up to 512 bytes, cuBLAS keeps workspaces) is in ``other``. What forward leaves for backward is
    counted in the same history, up to where autograd runs the first operation of backward, in the bytes asked for.

    Raises:
        UsageError: there is no CUDA device.
    """

    name = "cuda"
    device = torch.device("cuda")
    history: Trace | None = None
    """Of the step that was measured last, in PyTorch's terms: what the allocator did, and held at the end."""

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            raise UsageError("--meter cuda needs a CUDA device, and PyTorch finds none: use --meter cpu.")

    def hardware(self) -> str | None:
        """Name of the GPU."""
        return torch.cuda.get_device_name(self.device)

    def measure_step(self, loop: TrainingLoop) -> Memory:
        """One training step, with the allocator's history on.

        It is the second step of a run that has just begun, as in a prediction. What earlier steps left behind lies
        anywhere in the segments, and would decide how much of them is left to use.
        """
        _start_anew(loop)
        loop.step()
        batches = loop.next_batches()
        loop.model.train()
        residents = resident_bytes(loop.model, loop.optimizer, self.device, bucket_sizes(loop.runs))
        torch.cuda.synchronize(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        torch.cuda.memory._record_memory_history(enabled="all", context=None)
        start = len(_history())  # it may hold what was recorded before
        backward_begins: list[int] = []
        try:
            loop.backward(batches, on_backward=lambda: backward_begins.append(len(_history())))
            found = [unwrapped(p.grad) for p in loop.model.parameters() if p.grad is not None]
            gradients = {gradient.untyped_storage().data_ptr() for gradient in found}
            del found
            loop.update()
            torch.cuda.synchronize(self.device)
            snapshot = torch.cuda.memory._snapshot()
        finally:
            torch.cuda.memory._record_memory_history(enabled=None)
        trace = snapshot["device_traces"][torch.cuda.current_device()]
        self.history = _from(start, snapshot)
        peak_allocated = torch.cuda.max_memory_allocated(self.device)
        forward, rest = trace[start : backward_begins[0]], trace[backward_begins[0] :]
        events = events_of_history(forward + rest, gradients)
        breakdown = find_peak(residents, events).breakdown_bytes
        # The history does not tell logits from activations; a zero would look measured.
        del breakdown["logits_and_loss"]
        breakdown["other"] += peak_allocated - sum(breakdown.values())
        return Memory(
            peak_allocated_bytes=peak_allocated,
            peak_reserved_bytes=torch.cuda.max_memory_reserved(self.device),
            peak_rss_bytes=peak_rss_bytes(),
            breakdown_bytes=breakdown,
            saved_for_backward_bytes=kept_for_backward(events[: len(_moves(forward))]),
        )


def _start_anew(loop: TrainingLoop) -> None:
    """Nothing but weights is left, and what an evaluation leaves."""
    loop.forget_steps()
    gc.collect()
    clear_cublas_workspaces()
    torch.cuda.empty_cache()
    loop.evaluate()
    torch.cuda.empty_cache()


def _history() -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = torch.cuda.memory._snapshot()["device_traces"][torch.cuda.current_device()]
    return history


def _from(start: int, snapshot: dict[str, Any]) -> Trace:
    """The current device's history in a snapshot, without the first ``start`` entries."""
    device = torch.cuda.current_device()
    traces = [entries[start:] for entries in snapshot["device_traces"]]
    return snapshot_traces("measured step", {**snapshot, "device_traces": traces})[device]


def _moves(trace: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in trace if entry["action"] in ("alloc", "free_completed")]


def events_of_history(trace: list[dict[str, Any]], gradients: set[int]) -> list[Event]:
    """The allocations and frees of a recorded history; addresses in ``gradients`` hold gradients at its end."""
    moves = _moves(trace)
    last = {
        entry["addr"]: i for i, entry in enumerate(moves) if entry["action"] == "alloc" and entry["addr"] in gradients
    }
    return [
        Event(
            address=entry["addr"],
            num_bytes=entry["size"] if entry["action"] == "alloc" else -entry["size"],
            category="gradients" if last.get(entry["addr"]) == i else "activations",
        )
        for i, entry in enumerate(moves)
    ]
