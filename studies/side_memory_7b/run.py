"""Predicts one training step of each variant, prints Markdown and writes results.json. Run from the repository root:

python -m studies.side_memory_7b.run
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import bitsandbytes
import peft
import torch
import transformers

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.loading import random_backbone
from ladderscope.memory.predict import predict_memory
from ladderscope.units import GIB, MIB
from studies.side_memory_7b.variants import VARIANTS, WEIGHTS_BOUND_GIB, Variant, attach, make_loop

MODEL = "llama-2-7b"
GPU = "rtx-3060-12gb"
"""Decides kernels and workspaces; its memory does not limit the prediction."""
ADAPTER_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
HOW = "predicted, not measured"
CUDA, META = torch.device("cuda"), torch.device("meta")
STEP = "steady step"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[512, 2048, 8192, 16384])
    parser.add_argument("--only", default="", help="part of the name of the variants to predict")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    rows = []
    for variant in VARIANTS:
        if options.only in variant.name:
            for dtype in ADAPTER_DTYPES:
                rows += [predict_variant(variant, dtype, tokens) for tokens in options.tokens]
    versions = {module.__name__: module.__version__ for module in (torch, transformers, peft, bitsandbytes)}
    lines = ",\n".join(json.dumps(row) for row in rows)
    header = json.dumps({"how": HOW, "model": MODEL, "versions": versions}).removesuffix("}")
    options.out.write_text(f'{header}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    print(peak_table(rows, options.tokens), composition_table(rows), sep="\n\n")


def predict_variant(variant: Variant, adapter_dtype: str, tokens: int) -> dict[str, Any]:
    """One row of results: the second step, in which the optimizer's state exists."""
    with predict_memory(GPU, on_oom="continue") as trace:
        config = architecture_config(MODEL)
        backbone = random_backbone(config, torch.bfloat16, "nf4-dq", CUDA, seed=0, host=META).model
        weights = torch.cuda.memory_allocated()
        loop = make_loop(attach(backbone, variant, ADAPTER_DTYPES[adapter_dtype]), variant, tokens)
        loop.step()
        with trace.span(STEP):
            loop.step()
    peak = trace.peak(STEP)
    print(f"{variant.name}, {adapter_dtype}, {tokens:,}: {peak.allocated_bytes / GIB:.3f} GiB", file=sys.stderr)
    return {
        "variant": variant.name,
        "adapter_dtype": adapter_dtype,
        "tokens": tokens,
        "loss": variant.loss,
        "bound_gib": variant.bounds_gib.get(tokens),
        "peak_allocated_bytes": peak.allocated_bytes,
        "peak_reserved_bytes": trace.peak_reserved(STEP),
        "breakdown_bytes": {name: size for name, size in peak.breakdown_bytes.items() if size},
        "backbone_bytes": weights,
        "largest": [
            f"{block.block_bytes / MIB:.1f} MiB {block.category} {block.module} {block.operation} {block.shape}"
            for block in trace.top_allocations(5, STEP)
        ],
    }


def peak_table(rows: list[dict[str, Any]], lengths: list[int]) -> str:
    """Peaks in GiB by variant and sequence length; the bound in brackets."""
    cells: dict[tuple[str, str], dict[int, str]] = {}
    for row in rows:
        bound = f" ({row['bound_gib']})" if row["bound_gib"] else ""
        by_length = cells.setdefault((row["variant"], row["adapter_dtype"]), {})
        by_length[row["tokens"]] = f"{row['peak_allocated_bytes'] / GIB:.2f}{bound}"
    header = ["variant", "adapters", *(f"{tokens:,}" for tokens in lengths)]
    body = [[name, dtype, *(found.get(n, "") for n in lengths)] for (name, dtype), found in cells.items()]
    weights = rows[0]["backbone_bytes"] / GIB
    alone = f"Weights and quantisation state alone: {weights:.2f} GiB ({WEIGHTS_BOUND_GIB})."
    return f"{MODEL}, peak allocated GiB (bound), {HOW}\n\n{_markdown([header, *body])}\n\n{alone}"


def composition_table(rows: list[dict[str, Any]]) -> str:
    """What each peak is made of, in MiB."""
    names = list(dict.fromkeys(name for row in rows for name in row["breakdown_bytes"]))
    header = ["variant", "adapters", "tokens", *names]
    body = [
        [row["variant"], row["adapter_dtype"], f"{row['tokens']:,}"]
        + [f"{row['breakdown_bytes'].get(name, 0) / MIB:,.0f}" for name in names]
        for row in rows
    ]
    return f"What the peaks are made of, MiB, {HOW}\n\n{_markdown([header, *body])}"


def _markdown(table: list[list[str]]) -> str:
    header, *body = [f"| {' | '.join(line)} |" for line in table]
    return "\n".join([header, "|" + "---|" * len(table[0]), *body])


if __name__ == "__main__":
    main()
