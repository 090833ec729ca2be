"""Traces one training step of each variant, prints Markdown and writes results.json. Run from the repository root:

python -m studies.side_memory_7b.run
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

import bitsandbytes
import peft
import torch
import transformers

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.units import GIB, MIB
from studies.side_memory_7b.memory_trace import StepTrace
from studies.side_memory_7b.meta_backbone import meta_backbone
from studies.side_memory_7b.variants import VARIANTS, WEIGHTS_BOUND_GIB, Variant, attach, make_loop

MODEL = "llama-2-7b"
ADAPTER_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
HOW = "traced on meta, not measured"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--tokens", type=int, nargs="+", default=[512, 2048, 8192, 16384])
    parser.add_argument("--only", default="", help="part of the name of the variants to trace")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    rows = [
        row
        for variant in VARIANTS
        if options.only in variant.name and is_known(variant)
        for dtype in ADAPTER_DTYPES
        for row in trace_variant(variant, dtype, options.tokens)
    ]
    versions = {module.__name__: module.__version__ for module in (torch, transformers, peft, bitsandbytes)}
    lines = ",\n".join(json.dumps(row) for row in rows)
    header = json.dumps({"how": HOW, "model": MODEL, "versions": versions}).removesuffix("}")
    options.out.write_text(f'{header}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    print(peak_table(rows, options.tokens), composition_table(rows), sep="\n\n")


def is_known(variant: Variant) -> bool:
    """Whether this version of the package has the variant's settings; says so where it does not."""
    try:
        variant.config()
    except (TypeError, ValueError) as error:
        print(f"left out: {variant.name}: {error}")
        return False
    return True


def trace_variant(variant: Variant, adapter_dtype: str, lengths: list[int]) -> list[dict[str, Any]]:
    """One row of results per sequence length."""
    backbone = meta_backbone(architecture_config(MODEL), torch.bfloat16)
    model = attach(backbone, variant, ADAPTER_DTYPES[adapter_dtype])
    rows = []
    for tokens in lengths:
        peak = StepTrace(make_loop(model, variant, tokens)).run()
        row = {"variant": variant.name, "adapter_dtype": adapter_dtype, "tokens": tokens, "loss": variant.loss}
        rows.append(row | {"bound_gib": variant.bounds_gib.get(tokens)} | dataclasses.asdict(peak))
    return rows


def peak_table(rows: list[dict[str, Any]], lengths: list[int]) -> str:
    """Peaks in GiB by variant and sequence length; the bound in brackets."""
    cells: dict[tuple[str, str], dict[int, str]] = {}
    for row in rows:
        bound = f" ({row['bound_gib']})" if row["bound_gib"] else ""
        by_length = cells.setdefault((row["variant"], row["adapter_dtype"]), {})
        by_length[row["tokens"]] = f"{row['num_bytes'] / GIB:.2f}{bound}"
    header = ["variant", "adapters", *(f"{tokens:,}" for tokens in lengths)]
    body = [[name, dtype, *(found.get(n, "") for n in lengths)] for (name, dtype), found in cells.items()]
    weights = (rows[0]["resident_bytes"]["weights"] + rows[0]["resident_bytes"]["quantization state"]) / GIB
    alone = f"Weights and quantisation state alone: {weights:.2f} GiB ({WEIGHTS_BOUND_GIB})."
    return f"{MODEL}, peak allocated GiB (bound), {HOW}\n\n{_markdown([header, *body])}\n\n{alone}"


def composition_table(rows: list[dict[str, Any]]) -> str:
    """What each peak is made of, in MiB."""
    names = list(dict.fromkeys(name for row in rows for name in row["by_category"]))
    header = ["variant", "adapters", "tokens", *names, "operation at the peak"]
    body = [
        [row["variant"], row["adapter_dtype"], f"{row['tokens']:,}"]
        + [f"{row['by_category'].get(name, 0) / MIB:,.0f}" for name in names]
        + [f"`{row['operation']}`"]
        for row in rows
    ]
    return f"What the peaks are made of, MiB, {HOW}\n\n{_markdown([header, *body])}"


def _markdown(table: list[list[str]]) -> str:
    header, *body = [f"| {' | '.join(line)} |" for line in table]
    return "\n".join([header, "|" + "---|" * len(table[0]), *body])


if __name__ == "__main__":
    main()
