"""A worker that holds 24 problems out, where the package's eight would leave much noise in differences."""

from __future__ import annotations

from ladderscope.records import Cell, Record
from ladderscope.studies.trained.held_out import held_out_problems
from ladderscope.studies.trained.serving import serve
from ladderscope.studies.trained.training import train_cell


def measure(cell: Cell) -> Record:
    """The record of a cell."""
    return train_cell(cell, held_out=held_out_problems)


if __name__ == "__main__":
    serve(measure)
