"""Times a training step of side networks against QLoRA's, and measures the part of its peak above the weights.

SmolLM2-135M in NF4 with double quantisation, 256 tokens, two rows, the loss in chunks for all of them. Every figure is
measured here, in one run: each method in a fresh process, all methods in turn, several rounds, medians. Give it a quiet
machine; the bytes do not depend on that.

    python studies/side_step_cost/run.py [--rounds 3] [--steps 6]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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


def measure(name: str, num_steps: int) -> dict[str, float]:
    """Median seconds of a step and bytes above the weights, in this process."""
    import torch

    from ladderscope.backbones.loading import DTYPES, load_backbone
    from ladderscope.backbones.names import resolve_name
    from ladderscope.memory.cpu import CpuMeter
    from ladderscope.methods import get_method
    from ladderscope.sweep.grid import resolve_cells
    from ladderscope.training.batches import training_batches
    from ladderscope.training.loop import TrainingLoop

    (cell,) = resolve_cells({key: [value] for key, value in {**SHAPE, **METHODS[name]}.items()})
    device = torch.device("cpu")
    torch.manual_seed(cell.seed)
    backbone = load_backbone(resolve_name(cell.model), DTYPES[cell.dtype], cell.quantization, device, cell.seed)
    method = get_method(cell.method)
    model = method.build(backbone.model, cell)
    batches = list(_first(training_batches(cell, backbone.tokenizer, 0, device), WARM_UP + num_steps + 1))
    if method.prepare is not None:
        method.prepare(model, map(vars, batches))
    loop = TrainingLoop(model, cell, iter(batches), [])
    seconds = [loop.step().seconds for _ in range(WARM_UP + num_steps)][WARM_UP:]
    memory = CpuMeter().measure_step(loop)
    parts = memory.breakdown_bytes
    above = memory.peak_allocated_bytes - parts["weights"] - parts["quantization_state"]
    return {"seconds": statistics.median(seconds), "bytes_above_weights": above}


def _first(items: Any, number: int) -> Any:
    return (next(items) for _ in range(number))
