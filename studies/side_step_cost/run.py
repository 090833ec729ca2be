"""Times a training step of side networks against QLoRA's, and measures the part of its peak above the weights.

SmolLM2-135M in NF4 with double quantisation, 256 tokens, two rows, the loss in chunks for all methods. Every figure is
measured here, in one run: each method in a fresh process, all methods in turn, several rounds, medians. Give it a
quiet machine; the bytes do not depend on that. From the repository root:

    python -m studies.side_step_cost.run [--rounds 3] [--steps 6]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from ladderscope.backbones.loading import DTYPES, load_backbone
from ladderscope.backbones.names import resolve_name
from ladderscope.memory.cpu import CpuMeter
from ladderscope.methods import get_method
from ladderscope.sweep.grid import resolve_cells
from ladderscope.tapcache import TapCache, hollow
from ladderscope.training.batches import Batch, training_batches
from ladderscope.training.loop import TrainingLoop
from ladderscope.units import MIB

SHAPE: dict[str, Any] = {"model": "smollm2-135m", "seq_len": 256, "batch_size": 2, "loss_impl": "chunked"}
METHODS: dict[str, dict[str, Any]] = {
    "qlora": {"method": "qlora", "rank": 8},
    "ladder": {"method": "ladder", "reduction": 8},
    "xladder": {"method": "xladder", "reduction": 8},
    "qst": {"method": "qst", "reduction": 16},
    "lst": {"method": "lst", "reduction": 8},
    "ladder, cached taps": {"method": "ladder", "reduction": 8},
}
BOUNDS = {"ladder": (0.65, 0.35), "ladder, cached taps": (0.3, None)}
"""What the ladder is held against: step time and peak above weights, over qlora's."""
WARM_UP = 2


CACHED = "ladder, cached taps"


def measure(name: str, num_steps: int) -> dict[str, float]:
    """Median seconds of a step and bytes above the weights, in this process.

    With cached taps, reading them counts as part of the step, and the weights that are left are the head's.
    """
    (cell,) = resolve_cells({key: [value] for key, value in {**SHAPE, **METHODS[name]}.items()})
    device = torch.device("cpu")
    torch.manual_seed(cell.seed)
    backbone = load_backbone(resolve_name(cell.model), DTYPES[cell.dtype], cell.quantization, device, cell.seed)
    method = get_method(cell.method)
    model = method.build(backbone.model, cell)
    batches = list(islice(training_batches(cell, backbone.tokenizer, 0, device), WARM_UP + num_steps + 1))
    if method.prepare is not None:
        method.prepare(model, (batch.inputs for batch in batches))
    loop = TrainingLoop(model, cell, iter(batches), [])
    with tempfile.TemporaryDirectory() as folder, _taps(name, model, batches, folder) as taps_of:
        seconds = [_seconds(loop, taps_of(step)) for step in range(WARM_UP + num_steps)]
        with taps_of(WARM_UP + num_steps):
            memory = CpuMeter().measure_step(loop)
    parts = memory.breakdown_bytes
    above = memory.peak_allocated_bytes - parts["weights"] - parts["quantization_state"]
    return {"seconds": statistics.median(seconds[WARM_UP:]), "bytes_above_weights": above}


@contextmanager
def _taps(name: str, model: Any, batches: list[Batch], folder: str) -> Iterator[Any]:
    """A function from a step to the context in which it runs: with the taps of its rows where they are cached."""
    if name != CACHED:
        yield lambda step: nullcontext()
        return
    rows = [row for batch in batches for row in batch.input_ids]
    size = SHAPE["batch_size"]
    with TapCache.open(folder, model, rows) as cache:
        cache.fill(model, rows)
        hollow(model)
        yield lambda step: cache.give(model, range(step * size, (step + 1) * size))


def _seconds(loop: TrainingLoop, taps: AbstractContextManager[None]) -> float:
    start = time.perf_counter()
    with taps:
        loop.step()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--one", choices=METHODS, help="measure one method in this process and print it as JSON")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.steps)))
        return
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    for number in range(options.rounds):
        for name, results in rounds.items():
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
            results.append(_in_a_process(name, options.steps))
    options.out.write_text(json.dumps({"torch": torch.__version__, "rounds": rounds}, indent=1) + "\n")
    print(table(rounds))


def _in_a_process(name: str, num_steps: int) -> dict[str, float]:
    command = [sys.executable, "-m", "studies.side_step_cost.run", "--one", name, "--steps", str(num_steps)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def table(rounds: dict[str, list[dict[str, float]]]) -> str:
    """Medians over the rounds as Markdown, with ratios to qlora's and the bounds that the ladder is held against."""
    medians = {
        name: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for name, results in rounds.items()
    }
    reference = medians["qlora"]
    lines = ["| method | s/step | over qlora | above weights | over qlora |", "|---|---:|---:|---:|---:|"]
    for name, median in medians.items():
        bounds = [f" (at most {bound})" if bound else "" for bound in BOUNDS.get(name, (None, None))]
        time_ratio = median["seconds"] / reference["seconds"]
        memory_ratio = median["bytes_above_weights"] / reference["bytes_above_weights"]
        lines.append(
            f"| {name} | {median['seconds']:.2f} | {time_ratio:.2f}{bounds[0]} "
            f"| {median['bytes_above_weights'] / MIB:.0f} MiB | {memory_ratio:.2f}{bounds[1]} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
