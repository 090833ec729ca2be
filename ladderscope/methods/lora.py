"""LoRA (arXiv 2106.09685) through PEFT, on every linear layer but the head."""

from __future__ import annotations

from torch import nn

from ladderscope.methods._peft import attach
from ladderscope.methods.base import Method
from ladderscope.records import Cell

ALPHA = 16
"""The constant of the QLoRA paper. Held fixed over ranks, so that one learning rate serves all of them."""


def build_lora(model: nn.Module, cell: Cell) -> nn.Module:
    """The backbone with LoRA adapters of ``cell.rank``; adapter weights are fp32, PEFT's default."""
    from peft import LoraConfig

    config = LoraConfig(r=cell.rank, lora_alpha=ALPHA, lora_dropout=0.0, target_modules="all-linear")
    return attach(model, config)


LORA = Method(
    name="lora",
    summary="low-rank adapters on an unquantised backbone",
    size="rank",
    quantizations=("none",),
    default_lr=1e-3,
    build=build_lora,
)
