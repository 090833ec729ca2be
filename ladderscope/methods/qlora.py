"""QLoRA (arXiv 2305.14314): LoRA on a quantised backbone."""

from __future__ import annotations

from ladderscope.methods.base import Method
from ladderscope.methods.lora import build_lora, lora_config

QLORA = Method(
    name="qlora",
    summary="low-rank adapters on a quantised backbone",
    size="rank",
    quantizations=("nf4-dq", "nf4", "int8"),
    default_lr=1e-3,
    build=build_lora,
    config=lora_config,
)
