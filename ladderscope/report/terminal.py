"""Records as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ladderscope.records import Record
from ladderscope.report.tables import result_columns
from ladderscope.terminal_columns import print_columns


def print_records(records: Sequence[Record], console: Console) -> None:
    """Print what each record cost and reached, in as many columns as ``console`` has room for."""
    if not records:
        console.print("No records.")
        return
    models = list(dict.fromkeys(record.cell.model for record in records))
    print_columns(result_columns(records), console, models[0] if len(models) == 1 else "Records")
    if any(record.weights == "random" for record in records):
        console.print("Random weights: the loss says nothing about a method.")
    for record in records:
        if record.error:
            console.print(Text(f"{record.cell.label}: {record.status}: {_first_line(record.error)}"))


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else text
