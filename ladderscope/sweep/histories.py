"""The allocator's histories of measured steps, a file for each cell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ladderscope.records import Cell, Record

if TYPE_CHECKING:
    from ladderscope.memory.replay import Trace

_ID_DIGITS = 8
_VERSIONS = ("torch", "transformers", "peft", "bitsandbytes")


def history_path(folder: Path, cell: Cell) -> Path:
    """Where the history of a cell is kept: ``llama-2-7b-qlora-r-8-2048-tokens-1f2e3d4c.json.gz``."""
    words = re.sub(r"[^a-z0-9.]+", "-", cell.label.lower().removeprefix("random:")).strip("-")
    return folder / f"{words}-{cell.cell_id[:_ID_DIGITS]}.json.gz"


def write_history(path: Path, history: Trace, record: Record) -> None:
    """Write the history of the step that ``record`` tells the memory of, in the form that ``replay`` reads.

    It says what it is of: the cell, the GPU, the versions and the two peaks.
    """
    from ladderscope.memory.replay import write_compact

    assert record.memory is not None
    about = {
        "cell": record.cell.to_json(),
        "gpu": record.gpu,
        **{name: record.env[name] for name in _VERSIONS},
        "peak_allocated_bytes": record.memory.peak_allocated_bytes,
        "peak_reserved_bytes": record.memory.peak_reserved_bytes,
    }
    write_compact(path, history, about)
