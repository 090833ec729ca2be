"""Which cells to explain: from options, or from the records of a ledger."""

from __future__ import annotations

import dataclasses
import glob
from pathlib import Path
from typing import Any

from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.errors import UsageError
from ladderscope.ledger import read_ledgers
from ladderscope.methods import get_method
from ladderscope.records import Cell, Record
from ladderscope.sweep.checks import check_cell
from ladderscope.training.examples import RANDOM

_MOST_LISTED = 6
NEW_TOKENS = 32
"""Generated where generation is to be explained, and nothing says how much."""


def record_of(reference: str) -> Record:
    """The record that ``LEDGER`` or ``LEDGER#CELL_ID`` names; the beginning of an id is enough.

    ``LEDGER`` may be a pattern, ``runs/node-*.jsonl``, of several ledgers that are read as one.

    Raises:
        UsageError: there is no such cell, or several.
    """
    path, _, wanted = (reference, "", "") if Path(reference).exists() else reference.partition("#")
    # Of a cell that was measured and predicted, either tells the cell.
    cells = {record.cell.cell_id: record for record in read_ledgers(_ledgers(path))}
    found = [record for cell_id, record in cells.items() if cell_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    choices = [f"{record.cell.cell_id} ({record.cell.label})" for record in found or cells.values()]
    listed = "; ".join(choices[:_MOST_LISTED]) + ("; ..." if len(choices) > _MOST_LISTED else "")
    problem = f"holds no cell {wanted}" if wanted and not found else f"holds {len(found)} cells"
    raise UsageError(f"{path} {problem}: name one, as in --record {path}#CELL_ID, of {listed}.")


def _ledgers(pattern: str) -> list[Path]:
    """The ledgers that a pattern matches; what is none, or matches nothing, is a path as it stands."""
    found = [] if Path(pattern).exists() else sorted(glob.glob(pattern))
    return [Path(path) for path in found or [pattern]]


def checked(cell: Cell) -> Cell:
    """A cell of a record, refused as one from options would be; the data need not be there, only its shape counts.

    Raises:
        UsageError: what is wrong with it.
    """
    model = resolve_name(cell.model)
    check_cell(dataclasses.replace(cell, data=RANDOM), model, get_method(cell.method), backbone_config(model))
    return cell


def generating(cell: Cell) -> Cell:
    """The cell, or where it generates nothing the same with 32 new tokens.

    Raises:
        UsageError: the model reads no more than the prompt.
    """
    return cell if cell.generate else checked(dataclasses.replace(cell, generate=NEW_TOKENS))


def pairs_of(cells: list[Cell], gpus: list[Any], is_difference: bool) -> list[tuple[Cell, Any]]:
    """Every cell with every GPU: one, or the two that are to be compared.

    Raises:
        UsageError: another number of them.
    """
    pairs = [(cell, gpu) for cell in cells for gpu in gpus]
    if is_difference and len(pairs) != 2:
        raise UsageError(
            f"--diff compares two cells, and the options give {len(pairs)}: "
            "give two values to one option, as in --method qlora --method ladder."
        )
    if not is_difference and len(pairs) != 1:
        raise UsageError(f"the options give {len(pairs)} cells: give one value to each, or compare two with --diff.")
    return pairs
