"""Where the time of a training step goes on this machine's GPU: its kernels, by time. From the repository root:

python -m studies.gpu_validation.kernels [--method ladder --method qlora] [--out gpu_validation/kernels.md]

For a target of speed that is missed: how busy the GPU is, how many kernels a step launches, how often the host waits
for it, and which kernels take the time. The profiler slows the step down that it watches; the seconds of an unwatched
step stand beside it.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from ladderscope.errors import LadderscopeError
from ladderscope.measure import prepare_loop
from ladderscope.memory.meters import AUTO, resolve_meter
from ladderscope.records import Cell
from ladderscope.sweep.grid import resolve_cells
from ladderscope.whole_files import write_atomically
from studies.gpu_validation.labels import cell_name
from studies.gpu_validation.markdown import table

METHODS = ("qlora", "ladder", "xladder", "qst")
WARM_UP, TIMED = 3, 5
SHOWN = 25
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")
"""Calls of CUDA's runtime in which the host waits for the GPU."""
LAUNCHES = ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx")


@dataclass(frozen=True)
class Work:
    """All calls of one kernel or operation in a step."""

    name: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class StepProfile:
    """One step: its seconds unwatched, and what the profiler saw in another; without a GPU, operations of the CPU."""

    cell: Cell
    seconds: float
    work: list[Work]
    launches: int
    waits: int

    @property
    def busy_seconds(self) -> float:
        """Of the GPU, or of one CPU thread."""
        return sum(work.seconds for work in self.work)


def profile_step(cell: Cell, device: torch.device) -> StepProfile:
    """Train a few steps of the cell on ``device``, time some, and watch one more."""
    gc.collect()  # of the cell before
    _, loop = prepare_loop(cell, device)
    for _ in range(WARM_UP):
        loop.step()
    seconds = statistics.median(loop.step().seconds for _ in range(TIMED))
    batches = loop.next_batches()
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as seen:
        loop.step(batches)
    events = seen.key_averages()
    counts = {event.key: event.count for event in events}
    work = [found for event in events if (found := work_of(event, on_gpu)) is not None]
    return StepProfile(
        cell=cell,
        seconds=seconds,
        work=sorted(work, key=lambda found: -found.seconds),
        launches=_total(counts, LAUNCHES),
        waits=_total(counts, WAITS),
    )


def work_of(event: Any, on_gpu: bool) -> Work | None:
    """What an average of the profiler says of the device's own work; None where it is not work of the device."""
    # Ranges that code has named, such as an optimizer's step, appear on the GPU too, over the kernels inside of them.
    if on_gpu and (event.device_type.name != "CUDA" or event.is_user_annotation):
        return None
    microseconds = event.self_device_time_total if on_gpu else event.self_cpu_time_total
    return Work(event.key, event.count, microseconds / 1e6) if microseconds else None


def _total(counts: Mapping[str, int], names: Sequence[str]) -> int:
    return sum(counts.get(name, 0) for name in names)


def text_of(found: StepProfile) -> str:
    """The profile of a step as Markdown."""
    busy = found.busy_seconds
    rows = [
        [f"`{work.name[:100]}`", f"{work.calls:,}", f"{work.seconds * 1e3:.2f}", f"{work.seconds / busy:.1%}"]
        for work in found.work[:SHOWN]
    ]
    return "\n\n".join(
        [
            f"## {cell_name(found.cell)}",
            f"A step takes {found.seconds * 1e3:.1f} ms; in the watched one the device worked for {busy * 1e3:.1f} "
            f"ms, {found.launches:,} kernels were launched, and the host waited {found.waits:,} times.",
            table(["kernel or operation", "calls", "ms", "share"], rows),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile, write the page, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.gpu_validation.kernels", description="Where the time of a training step goes."
    )
    parser.add_argument("--model", default="random:llama-2-7b", help="(default: %(default)s)")
    parser.add_argument("--method", action="append", help="repeatable (default: qlora, ladder, xladder, qst)")
    parser.add_argument("--reduction", type=int, help="of side networks (default: by method)")
    parser.add_argument("--seq-len", type=int, default=2048, help="tokens per row (default: 2048)")
    parser.add_argument("--meter", default=AUTO, choices=(AUTO, "cuda", "cpu"), help="(default: cuda if there is one)")
    parser.add_argument(
        "--out", type=Path, default=Path("gpu_validation/kernels.md"), help="a Markdown file (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    axes: dict[str, list[Any]] = {
        "model": [options.model],
        "method": list(options.method or METHODS),
        "rank": [16],
        "reduction": [options.reduction],
        "seq_len": [options.seq_len],
        "data": ["random"],
    }
    try:
        cells, meter = resolve_cells(axes), resolve_meter(options.meter)
        parts = [f"# Work of a training step on {meter.hardware() or 'a CPU'}"]
        for cell in cells:
            write_atomically(options.out, "\n\n".join(parts) + "\n")  # before the work, lest it cannot be written
            parts.append(text_of(profile_step(cell, meter.device)))
            write_atomically(options.out, "\n\n".join(parts) + "\n")  # what is known is kept, whatever comes next
    except LadderscopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
