"""Predicts two measurements that others published. Run from the repository root:

python -m studies.prediction_accuracy.published

PEFT's method comparison trains Llama-3.2-3B (bf16, batches of 4, up to 768 tokens, AdamW, no checkpointing) on an L40S
and reports the most memory that PyTorch reserved over the whole run. Its batches are padded to their longest sample,
which keeps flash attention out; the cache is emptied every ten steps; logits and loss of a step live until the next
one has its own. The longest batch that it met is not published. Texts end at 1,300 characters, which is 768 tokens at
the very most, so that a prediction at 768 tokens is a bound from above, and shorter ones say how much hangs on it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.loading import random_backbone
from ladderscope.memory.predict import predict_memory
from ladderscope.units import GIB

MODEL, GPU, TORCH_VERSION = "llama-3.2-3b", "l40s-48gb", "2.13"
BATCH, PADDED = 4, 64
"""``PADDED`` tokens are missing at the end of one sample: that there are any is what matters."""
_STEPS = 3


@dataclass(frozen=True)
class Published:
    """A measured run: its name, reserved GiB, and how its model is made trainable."""

    name: str
    measured_gib: float
    prepare: Callable[[Any], nn.Module]


def _lora(model: Any) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=32, lora_alpha=64, task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"])
    trained: nn.Module = get_peft_model(model, config)
    return trained


def _full(model: Any) -> nn.Module:
    trained: nn.Module = model.requires_grad_(True)
    return trained


RUNS = (
    Published("LoRA, rank 32 on q and v", 20.76, _lora),
    Published("full fine-tuning", 36.20, _full),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Predict two published measurements.")
    parser.add_argument("--tokens", type=int, nargs="+", default=[640, 704, 768], help="of the longest sample")
    options = parser.parse_args(arguments)
    print("| run | longest sample | measured reserved (GiB) | predicted reserved | ratio | predicted allocated |")
    print("| --- | --- | --- | --- | --- | --- |")
    for run in RUNS:
        for tokens in options.tokens:
            reserved, allocated = (size / GIB for size in predict_peaks(run, architecture_config(MODEL), tokens))
            ratio = reserved / run.measured_gib
            print(f"| {run.name} | {tokens} | {run.measured_gib} | {reserved:.2f} | {ratio:.3f} | {allocated:.2f} |")


def predict_peaks(run: Published, config: Any, tokens: int) -> tuple[int, int]:
    """Most bytes reserved and allocated over three steps of the published loop."""
    with predict_memory(GPU, torch_version=TORCH_VERSION, on_oom="continue") as trace:
        cuda = torch.device("cuda")
        backbone = random_backbone(config, torch.bfloat16, "none", cuda, 0, host=torch.device("meta"))
        model = run.prepare(backbone.model).train()
        _train(model, tokens)
    return trace.peak_reserved_bytes, trace.peak_allocated_bytes


def _train(model: nn.Module, tokens: int) -> None:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.1)
    for _ in range(_STEPS):
        batch = _padded_batch(tokens)
        optimizer.zero_grad()
        outputs = model(**batch, num_items_in_batch=BATCH * tokens - PADDED)
        loss = outputs.loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()


def _padded_batch(tokens: int) -> dict[str, Tensor]:
    mask = torch.ones(BATCH, tokens, dtype=torch.int64)
    mask[0, -min(PADDED, tokens // 2) :] = 0
    ids = torch.ones(BATCH, tokens, dtype=torch.int64)
    return {name: value.to("cuda") for name, value in (("input_ids", ids), ("attention_mask", mask), ("labels", ids))}


if __name__ == "__main__":
    main()
