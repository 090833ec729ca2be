"""xLadder (arXiv 2512.14237): taps at the top of the backbone, then free side blocks."""

from __future__ import annotations

from torch import nn

from ladderscope.methods._peft import attach
from ladderscope.methods.base import Method
from ladderscope.records import Cell


def _build(model: nn.Module, cell: Cell) -> nn.Module:
    from ladderscope.methods.side import XLadderConfig

    assert cell.reduction_factor is not None
    return attach(model, XLadderConfig(reduction_factor=cell.reduction_factor))


XLADDER = Method(
    name="xladder",
    summary="a side network on the top half of the backbone, deepened by free blocks",
    size="reduction_factor",
    quantizations=("nf4-dq", "nf4", "int8", "none"),
    default_lr=2e-3,
    build=_build,
)
