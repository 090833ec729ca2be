"""Ladder side-tuning (arXiv 2512.14237)."""

from __future__ import annotations

from torch import nn

from ladderscope.methods._peft import attach
from ladderscope.methods.base import Method
from ladderscope.records import Cell


def _build(model: nn.Module, cell: Cell) -> nn.Module:
    from ladderscope.methods.side import LadderConfig

    assert cell.reduction_factor is not None
    return attach(model, LadderConfig(reduction_factor=cell.reduction_factor))


LADDER = Method(
    name="ladder",
    summary="a side network, one block beside every backbone block",
    size="reduction_factor",
    quantizations=("nf4-dq", "nf4", "int8", "none"),
    default_lr=2e-3,
    build=_build,
)
