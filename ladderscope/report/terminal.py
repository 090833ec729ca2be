"""Records as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ladderscope.records import Record, run_labels
from ladderscope.report.many import SEE_ALL, TERMINAL_ERRORS, TERMINAL_ROWS
from ladderscope.report.summary import summary_of
from ladderscope.report.tables import MISSING, result_columns
from ladderscope.terminal_columns import print_columns


def print_records(records: Sequence[Record], console: Console) -> None:
    """Print what each record cost and reached, in as many columns as ``console`` has room for.

    Columns that no record fills, such as the seconds of predictions, take none of it.
    """
    if not records:
        console.print("No records.")
        return
    models = list(dict.fromkeys(record.cell.model for record in records))
    title = models[0] if len(models) == 1 else "Records"
    if len(records) <= TERMINAL_ROWS:
        told = [column for column in result_columns(records) if any(cell != MISSING for cell in column.cells)]
        print_columns(told, console, title)
    else:
        summary = summary_of(records, TERMINAL_ROWS)
        print_columns(summary.columns, console, title)
        console.print(summary.sentence, highlight=False)
    if any(record.weights == "random" and (record.loss or record.eval_loss) for record in records):
        console.print("Random weights: the loss says nothing about a method.")
    # Of all records: what tells those with errors from the others is in their names too.
    labels = run_labels([record.cell for record in records])
    with_error = [(record, label) for record, label in zip(records, labels, strict=True) if record.error]
    shown = with_error if len(records) <= TERMINAL_ROWS else with_error[:TERMINAL_ERRORS]
    for record, label in shown:
        console.print(Text(f"{label}: {record.status}: {_first_line(record.error or '')}"))
    if len(shown) < len(with_error):
        console.print(f"{len(with_error) - len(shown):,} more have errors; {SEE_ALL}.", highlight=False)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else text
