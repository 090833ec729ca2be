"""The headline as Markdown: what was measured, and under a title of its own what was only predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from ladderscope.records import PREDICT, Cell, Record
from studies.gpu_validation import markdown
from studies.gpu_validation.accuracy import allocated_bytes, reserved_bytes
from studies.gpu_validation.headline import (
    MODELS,
    Headline,
    goals,
    headline,
    methods_table,
    speed,
)
from studies.gpu_validation.labels import cell_name
from studies.gpu_validation.pairs import CUDA

_NOTHING = "Nothing of this was measured."


def measured_headline(records: Sequence[Record], model: str) -> str:
    """The measured table and the targets."""
    found = headline(records, model)
    parts = [f"### {model}, measured", methods_table(found) if found.records else _NOTHING, goals_table(found)]
    return "\n\n".join(parts)


def predicted_headline(records: Sequence[Record], model: str) -> str:
    """The same from predictions: memory alone, as a prediction has no speed. Empty without one."""
    found = headline(records, model, PREDICT)
    return f"### {model}, predicted\n\n{methods_table(found, with_speeds=False)}" if found.records else ""


def headlines(records: Sequence[Record]) -> str:
    """Both tables of every model."""
    parts = [make(records, model) for make in (measured_headline, predicted_headline) for model in MODELS]
    return "\n\n".join(part for part in parts if part)


def goals_table(found: Headline) -> str:
    """Each target with its measured figure."""
    rows = [[goal.text, goal.written, goal.verdict] for goal in goals(found)]
    return markdown.table(("target", "measured", "verdict"), rows)


def changes_table(records: Sequence[Record]) -> str:
    """What the chunked loss and 8-bit AdamW change, measured; empty where no two such cells were.

    A row for each measured cell whose twin differs in that setting alone: before, after, and after over before.
    """
    measured = [record for record in records if record.meter == CUDA and record.memory is not None]
    of_cell = {record.cell.cell_id: record for record in measured}
    rows = [
        [change, cell_name(plain), *_change(of_cell[plain.cell_id], record)]
        for change, is_changed, undo in _CHANGES
        for record in measured
        if is_changed(record.cell) and (plain := undo(record.cell)).cell_id in of_cell
    ]
    headings = ("change", "cell", "allocated (GiB)", "after / before", "reserved (GiB)", "after / before", "speed")
    return markdown.table(headings, rows, texts=2) if rows else ""


_Change = tuple[str, Callable[[Cell], bool], Callable[[Cell], Cell]]
_CHANGES: tuple[_Change, ...] = (
    (
        "chunked loss",
        lambda cell: cell.loss_impl == "chunked",
        lambda cell: dataclasses.replace(cell, loss_impl="full"),
    ),
    (
        "8-bit AdamW",
        lambda cell: cell.optimizer == "adamw-8bit",
        lambda cell: dataclasses.replace(cell, optimizer="adamw"),
    ),
)


def _change(before: Record, after: Record) -> list[str]:
    cells = []
    for quantity in (allocated_bytes, reserved_bytes):
        old, new = quantity(before), quantity(after)
        cells += [f"{markdown.gib(old)} → {markdown.gib(new)}", markdown.ratio(new / old if old and new else None, 3)]
    slow, fast = speed(before), speed(after)
    return [*cells, markdown.ratio(fast / slow if slow and fast else None, 3)]
