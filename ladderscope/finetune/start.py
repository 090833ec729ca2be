"""The model of a run before its first step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.errors import UsageError
from ladderscope.finetune.dataset import TokenRows, TrainingData
from ladderscope.methods import get_method
from ladderscope.records import Cell, Params
from ladderscope.training.loss import LossFunction


@dataclass(frozen=True)
class Run:
    """What is trained, on what.

    Args:
        model: what ``Trainer`` is given.
        parameters: of the whole model.
        data: training rows and held-out batches.
        loss: sum of the token losses of a batch.
    """

    model: Any
    parameters: Params
    data: TrainingData
    loss: LossFunction


def build_model(backbone: nn.Module, cell: Cell) -> Any:
    """The backbone with what the cell's method trains; the same for the same seed.

    Raises:
        UsageError: the method does not work on this backbone.
    """
    torch.manual_seed(cell.seed)
    try:
        return get_method(cell.method).build(backbone, cell)
    except (ValueError, NotImplementedError) as error:
        raise UsageError(f"{cell.method} cannot be built on {cell.model}: {str(error).splitlines()[0]}") from error


def start_from_data(model: nn.Module, cell: Cell, rows: TokenRows, device: torch.device) -> None:
    """Let the method find in the first training rows what it starts from, if it needs any.

    The rows come one at a time, so that the batch size does not decide how many are looked at.

    Raises:
        UsageError: it needs what this backbone does not give.
    """
    prepare = get_method(cell.method).prepare
    if prepare is None:
        return
    try:
        prepare(model, _single_rows(rows, device))
    except ValueError as error:
        raise UsageError(f"{cell.method} cannot start from the data: {error}.") from error


def _single_rows(rows: TokenRows, device: torch.device) -> Iterator[dict[str, Tensor]]:
    for index in range(len(rows)):
        yield {name: rows[index][name][None].to(device) for name in ("input_ids", "labels")}
