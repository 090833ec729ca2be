"""Names of cells that run together: what differs among them is in their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ladderscope.records.cell import Cell

_IN_LABEL = {
    "model",
    "method",
    "rank",
    "reduction_factor",
    "seq_len",
    "settings",
    "adapter_dtype",
    "parallel",
    "num_gpus",
}
"""What ``Cell.label`` says."""


def run_labels(cells: Sequence[Cell]) -> list[str]:
    """A name for each cell: its label, and the settings in which cells of its method differ from each other.

    What follows from the method (its learning rate, its quantization) tells nobody anything. A cell for which
    checkpointing is off, where it is on for another, says nothing of it.
    """
    by_method: dict[str, list[Cell]] = {}
    for cell in cells:
        by_method.setdefault(cell.method, []).append(cell)
    telling = {method: differing(alike, without=_IN_LABEL) for method, alike in by_method.items()}
    return [", ".join([cell.label, *_settings(cell, telling[cell.method])]) for cell in cells]


def differing(cells: Sequence[Cell], without: set[str]) -> list[str]:
    """The fields that are not alike in all of the cells."""
    names = [field.name for field in dataclasses.fields(Cell) if field.name not in without]
    return [name for name in names if len({getattr(cell, name) for cell in cells}) > 1]


def _settings(cell: Cell, names: Sequence[str]) -> list[str]:
    values = [(name.replace("_", " "), getattr(cell, name)) for name in names]
    return [name if value is True else f"{name} {value}" for name, value in values if value is not False]
