"""Full fine-tuning: every weight of the backbone is trained."""

from __future__ import annotations

from torch import nn

from ladderscope.methods.base import Method
from ladderscope.records import Cell


def _build(model: nn.Module, cell: Cell) -> nn.Module:
    return model.requires_grad_(True)


FULL = Method(
    name="full",
    summary="every weight is trained",
    size=None,
    quantizations=("none",),
    default_lr=1e-4,
    build=_build,
)
