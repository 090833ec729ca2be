"""A cell of a task, in a worker: its rows, its held-out loss and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ladderscope.records import Answers, Cell, Record
from ladderscope.studies.answering.asking import ask
from ladderscope.studies.answering.items import TEST, Item, Task, digest_of, read_items
from ladderscope.studies.answering.rows import held_out_batches, training_batches
from ladderscope.studies.trained.training import train_cell


def measure_task(cell: Cell, task: Task) -> Record:
    """Train on the file that the cell names, and ask the test set that lies beside it."""
    path = Path(cell.data)
    train, test = read_items(path), read_items(path.with_name(TEST))
    digest, templates = digest_of(path.parent), templates_of(test)

    def examine(model: Any, tokenizer: Any) -> dict[str, Answers]:
        return {task.name: replace(ask(task, test, model, tokenizer), groups=templates, items=digest)}

    return train_cell(
        cell,
        held_out=lambda backbone: held_out_batches(test[: task.held_out], backbone),
        rows=lambda backbone: training_batches(train, cell, backbone),
        examine=examine,
    )


def templates_of(items: Sequence[Item]) -> list[int]:
    """The template of each item; empty where they have none."""
    return [item.template for item in items if item.template is not None]
