"""How long a prediction takes, beside PyTorch's own MemTracker on the same step. Run from the repository root:

python -m studies.prediction_speed.run
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import bitsandbytes  # noqa: F401  (imports are not timed)
import peft  # noqa: F401
import torch
import transformers

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.loading import random_backbone
from ladderscope.memory.predict import predict_memory
from ladderscope.methods import get_method
from ladderscope.records import Cell
from ladderscope.training.batches import training_batches
from ladderscope.training.loop import TrainingLoop
from ladderscope.units import GIB

CUDA, META = torch.device("cuda"), torch.device("meta")
STEPS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument(
        "--no-tracker", action="store_true", help="leave PyTorch's MemTracker out, which takes longest"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    predict_steps("tiny-llama", "full", options.tokens)  # what is only made once is not timed
    gc.freeze()  # as the processes of `ladderscope profile` do behind their imports
    print("| what | seconds | peak allocated |\n|---|---:|---:|")
    ours = 0.0
    for model in ("llama-2-7b", "llama-2-70b"):
        for method in ("qlora", "ladder", "full"):
            seconds, peak = predict_steps(model, method, options.tokens)
            if (model, method) == ("llama-2-7b", "full"):
                ours = seconds
            print(f"| {STEPS} steps of {model}, {method}, predicted | {seconds:.2f} | {peak / GIB:.2f} GiB |")
    if not options.no_tracker:
        seconds, peak = track_steps("llama-2-7b", options.tokens)
        print(f"| {STEPS} steps of llama-2-7b, full, MemTracker on meta | {seconds:.2f} | {peak / GIB:.2f} GiB |")
        print(f"\nMemTracker takes {seconds / ours:.1f} times as long as the prediction of the same steps.")


def predict_steps(model: str, method: str, tokens: int) -> tuple[float, int]:
    """Seconds of the steps, traced and sent through the allocator, and their peak; loading is left out."""
    known = get_method(method)
    cell = Cell(
        model=f"random:{model}",
        method=method,
        rank=16 if known.size == "rank" else None,
        reduction_factor=known.default_reduction if known.size == "reduction_factor" else None,
        seq_len=tokens,
        quantization=known.quantizations[0],
        data="random",
    )
    with predict_memory("h200-141gb", on_oom="continue") as trace:
        config = architecture_config(model)
        backbone = random_backbone(config, torch.bfloat16, cell.quantization, CUDA, seed=0, host=META).model
        tuned = known.build(backbone, cell)
        if known.prepare is not None:
            known.prepare(tuned, [vars(next(training_batches(cell, None, config.vocab_size, CUDA)))])
        loop = TrainingLoop(tuned, cell, training_batches(cell, None, config.vocab_size, CUDA), [])
        with _timed() as seconds:
            for _ in range(STEPS):
                loop.step()
            peak = trace.peak_allocated_bytes
    return seconds(), peak


def track_steps(model: str, tokens: int) -> tuple[float, int]:
    """The same of PyTorch's MemTracker, full fine-tuning, the loss as transformers computes it."""
    from torch.distributed._tools.mem_tracker import MemTracker

    with META:
        network = transformers.AutoModelForCausalLM.from_config(architecture_config(model), dtype=torch.bfloat16)
        ids = torch.zeros(1, tokens, dtype=torch.long)
    # Making the mask reads a value, which `meta` does not have: a row without padding needs none.
    modeling = sys.modules[type(network).__module__]
    no_mask = mock.patch.object(modeling, "create_causal_mask", _no_mask)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    tracker = MemTracker()
    tracker.track_external(network, optimizer)
    with no_mask, _timed() as seconds, tracker:
        for step in range(STEPS):
            logits = network(input_ids=ids, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits[0, :-1].float(), ids[0, 1:])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            del logits, loss
            if step == 0:
                tracker.reset_mod_stats()
    peak = sum(max(stats.values()) for stats in [tracker.get_tracker_snapshot("peak")[META]] if stats)
    return seconds(), int(peak)


def _no_mask(*args: Any, **settings: Any) -> None:
    return None


@contextmanager
def _timed() -> Iterator[Callable[[], float]]:
    start = time.perf_counter()
    end = 0.0
    yield lambda: end - start
    end = time.perf_counter()


if __name__ == "__main__":
    main()
