"""LoRA (arXiv 2106.09685) through PEFT, on every linear layer but the head."""

from __future__ import annotations

from typing import Any

from torch import nn

from ladderscope.methods._peft import attach
from ladderscope.methods.base import Method
from ladderscope.methods.settings import make_config
from ladderscope.records import Cell

ALPHA = 16
"""The constant of the QLoRA paper. Held fixed over ranks, so that one learning rate serves all of them."""


_RESERVED = {"r": "--rank"}


def lora_config(cell: Cell) -> Any:
    """LoRA of ``cell.rank`` on every linear layer but the head, unless the cell's settings say otherwise."""
    from peft import LoraConfig

    fixed = {"r": cell.rank, "lora_alpha": ALPHA, "lora_dropout": 0.0, "target_modules": "all-linear"}
    return make_config(LoraConfig, fixed, cell.settings, _RESERVED)


def build_lora(model: nn.Module, cell: Cell) -> nn.Module:
    """The backbone with LoRA adapters."""
    return attach(model, lora_config(cell), cell.adapter_dtype)


LORA = Method(
    name="lora",
    summary="low-rank adapters on an unquantised backbone",
    size="rank",
    quantizations=("none",),
    default_lr=1e-3,
    build=build_lora,
    config=lora_config,
)
