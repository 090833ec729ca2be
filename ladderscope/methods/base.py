"""What a fine-tuning method is to the rest of the package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from ladderscope.records import Cell

SizeField = Literal["rank", "reduction_factor"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A fine-tuning method.

    Args:
        name: as on the command line and in records.
        summary: one line for people.
        size: the cell field that sizes what is trained; None where nothing does.
        quantizations: of the backbone, that the method works with; the first is the default.
        default_lr: learning rate where the user gives none.
        default_reduction: reduction factor of a side network where the user gives none.
        build: takes a backbone and a cell, gives the model to train, with ``requires_grad`` set on what is trained.
        config: the PEFT config that a cell stands for; None where there is none, and no settings either.
        settings: that a file gives it, canonical; those of a cell apply over them.
        prepare: starts the model from a few training batches before it is trained; None where nothing needs data.
    """

    name: str
    summary: str
    size: SizeField | None
    quantizations: tuple[str, ...]
    default_lr: float
    build: Callable[[nn.Module, Cell], nn.Module]
    default_reduction: int = 8
    config: Callable[[Cell], Any] | None = None
    settings: str = ""
    prepare: Callable[[nn.Module, Iterable[Any]], None] | None = None
