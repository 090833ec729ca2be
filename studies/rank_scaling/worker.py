"""A worker of this study: held-out problems are whole, in the many tokens that they have here."""

from __future__ import annotations

from ladderscope.records import Cell, Record
from ladderscope.studies.trained.held_out import held_out_problems
from ladderscope.studies.trained.serving import serve
from ladderscope.studies.trained.training import train_cell

HELD_OUT_TOKENS = 512
"""The longest problem has 468, and the backbones read 512."""


def measure(cell: Cell) -> Record:
    """The record of a cell."""
    return train_cell(cell, held_out=lambda backbone: held_out_problems(backbone, HELD_OUT_TOKENS))


if __name__ == "__main__":
    serve(measure)
