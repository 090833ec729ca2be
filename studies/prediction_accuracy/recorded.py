"""Compares predicted requests for memory with those of recorded training steps. Run from the repository root:

python -m studies.prediction_accuracy.recorded ../shared/data/allocator_traces
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ladderscope.memory.predict import predict_memory
from ladderscope.memory.replay import read_traces
from ladderscope.memory.replay.trace import Trace
from ladderscope.units import GIB
from studies.prediction_accuracy.course_model import AdamW, LanguageModel, Sizes, cross_entropy

GPU, TORCH_VERSION, BATCH = "h100-80gb", "2.6", 4
"""Of the recorded runs; that it was a GPU of compute capability 9 shows in its cuBLAS workspace of 32 MiB."""
_BLOCK = 512
_STEP = "step"


@dataclass(frozen=True)
class Step:
    """A recorded step: the model's sizes, whether it trains, under bf16 autocast, in a process that had run before."""

    sizes: Sizes
    trains: bool = False
    autocast: bool = False
    warm: bool = False


STEPS = {
    "lm_ctx128_forward": Step(Sizes(2560, 32, 32, 10240, 128)),
    "lm_ctx128_fullstep": Step(Sizes(2560, 32, 32, 10240, 128), trains=True),
    "lm_ctx256_forward_mixed": Step(Sizes(2560, 32, 32, 10240, 256), autocast=True, warm=True),
}
"""By the name of the recorded file. The other files are of models whose definition is not known."""


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
        matcher = difflib.SequenceMatcher(None, self.recorded.sizes, self.predicted.sizes, autojunk=False)
        return sum(block.size for block in matcher.get_matching_blocks())

    @property
    def match_share(self) -> float:
        """Of the longer list."""
        return self.matched / max(len(self.recorded.sizes), len(self.predicted.sizes))

    @property
    def peak_ratio(self) -> float:
        """Predicted over recorded."""
        return self.predicted.peak_bytes / self.recorded.peak_bytes


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Compare predicted with recorded requests for memory.")
    parser.add_argument("folder", type=Path, help="folder of the recorded histories")
    options = parser.parse_args(arguments)
    print(table([compare(options.folder / f"{name}.json.gz") for name in STEPS]))


def table(comparisons: Sequence[Comparison]) -> str:
    """A row for each step."""
    lines = [
        "| recorded step | requests | predicted | matched | peak recorded (GiB) | predicted (GiB) | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *map(_row, comparisons)])


def _row(found: Comparison) -> str:
    counts = f"{len(found.recorded.sizes)} | {len(found.predicted.sizes)} | {found.match_share:.2%}"
    peaks = f"{found.recorded.peak_bytes / GIB:.3f} | {found.predicted.peak_bytes / GIB:.3f} | {found.peak_ratio:.4f}"
    return f"| {found.name} | {counts} | {peaks} |"


def compare(path: Path) -> Comparison:
    """The recorded step in ``path``, and the same step predicted."""
    name = path.name.removesuffix(".json.gz")
    (trace,) = read_traces(path)
    return Comparison(name, recorded_requests(trace), predicted_requests(STEPS[name]))


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


def predicted_requests(step: Step) -> Requests:
    """The same of a step on the simulated device; nothing is computed."""
    with predict_memory(GPU, torch_version=TORCH_VERSION, on_oom="continue") as trace:
        model = LanguageModel(step.sizes)
        optimizer = AdamW(list(model.parameters()))
        tokens = torch.randint(0, step.sizes.vocabulary, (BATCH, step.sizes.context)).to("cuda")
        if step.warm:
            torch.mm(torch.empty(8, 8, device="cuda"), torch.empty(8, 8, device="cuda"))
        casts = torch.autocast("cuda", dtype=torch.bfloat16) if step.autocast else contextlib.nullcontext()
        with casts, trace.span(_STEP):
            optimizer.zero_grad()
            logits = model(tokens)
            if step.trains:
                loss = cross_entropy(logits, tokens)
                loss.backward()
                optimizer.step()
    (span,) = trace.spans
    live = peak = 0
    sizes = []
    for index, event in enumerate(trace.events[: span.stop]):
        num_bytes = event.allocation.num_bytes
        live += _rounded(num_bytes) if event.is_alloc else -_rounded(num_bytes)
        if index >= span.start:
            peak = max(peak, live)
            # CUDA's allocator is not asked for nothing.
            if event.is_alloc and num_bytes:
                sizes.append(num_bytes)
    return Requests(sizes, peak)


def _rounded(num_bytes: int) -> int:
    return -(-num_bytes // _BLOCK) * _BLOCK


if __name__ == "__main__":
    main()
