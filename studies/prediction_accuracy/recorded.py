"""Compares predicted requests for memory with those of recorded training steps. Run from the repository root:

python -m studies.prediction_accuracy.recorded ../shared/data/allocator_traces
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ladderscope.memory.predict import predict_memory
from ladderscope.memory.replay import read_traces
from studies.prediction_accuracy.course_model import AdamW, LanguageModel, Sizes, cross_entropy
from studies.prediction_accuracy.requests import Comparison, Requests, predicted_requests, recorded_requests, table

GPU, TORCH_VERSION, BATCH = "h100-80gb", "2.6", 4
"""Of the recorded runs; that it was a GPU of compute capability 9 shows in its cuBLAS workspace of 32 MiB."""
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Compare predicted with recorded requests for memory.")
    parser.add_argument("folder", type=Path, help="folder of the recorded histories")
    options = parser.parse_args(arguments)
    print(table([compare(options.folder / f"{name}.json.gz") for name in STEPS]))


def compare(path: Path) -> Comparison:
    """The recorded step in ``path``, and the same step predicted."""
    name = path.name.removesuffix(".json.gz")
    (trace,) = read_traces(path)
    return Comparison(name, recorded_requests(trace), requests_of_step(STEPS[name]))


def requests_of_step(step: Step) -> Requests:
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
    return predicted_requests(trace, _STEP)


if __name__ == "__main__":
    main()
