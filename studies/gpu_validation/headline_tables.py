"""The headline as Markdown: what was measured, and under a title of its own what was only predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from ladderscope.records import PREDICT, Cell, Record
from studies.gpu_validation import markdown
from studies.gpu_validation.accuracy import allocated_bytes, reserved_bytes
from studies.gpu_validation.headline import (
    GOALS,
    LADDER,
    MODELS,
    QLORA,
    QLORA_CHECKPOINTED,
    Goal,
    Headline,
    headline,
    speed,
    variant_name,
)
from studies.gpu_validation.labels import cell_name
from studies.gpu_validation.pairs import CUDA

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"
_HEADINGS = ("method", "allocated (GiB)", "reserved (GiB)", "step (s)", "tokens/s")
_RATIOS = ("memory / qlora", "memory / qlora checkpointed", "speed / qlora", "speed / qlora checkpointed")
_SAME = "Ratios are over QLoRA with the same loss (all logits at once, or in chunks) and the same dtype of adapters."


def headlines(records: Sequence[Record]) -> str:
    """Measured and predicted tables of every model."""
    parts = [make(records, model) for make in (measured_headline, predicted_headline) for model in MODELS]
    return "\n\n".join([*(part for part in parts if part), _SAME])


def measured_headline(records: Sequence[Record], model: str) -> str:
    """The measured table, and what of the targets the ladders reach."""
    found = headline(records, model)
    body = [methods_table(found), goals_table(found)] if found.records else [f"{NOT_MEASURED.capitalize()}."]
    return "\n\n".join([f"### {model}, measured", *(part for part in body if part)])


def predicted_headline(records: Sequence[Record], model: str) -> str:
    """The same from predictions: memory alone, as a prediction has no speed. Empty without one."""
    found = headline(records, model, PREDICT)
    return f"### {model}, predicted\n\n{methods_table(found, with_speeds=False)}" if found.records else ""


def methods_table(found: Headline, with_speeds: bool = True) -> str:
    """A row for each record."""
    rows = [_row(found, record, with_speeds) for record in found.records]
    headings = (*_HEADINGS, *_RATIOS) if with_speeds else (*_HEADINGS[:3], *_RATIOS[:2])
    return markdown.table(headings, rows)


def _row(found: Headline, record: Record, with_speeds: bool) -> list[str]:
    memory = [markdown.gib(allocated_bytes(record)), markdown.gib(reserved_bytes(record))]
    of_memory, of_speed = (
        [markdown.ratio(found.over(record, other, of), 3) for other in (QLORA, QLORA_CHECKPOINTED)]
        for of in (allocated_bytes, speed)
    )
    name = variant_name(record.cell)
    if not with_speeds:
        return [name, *memory, *of_memory]
    time = [_with_range(record), markdown.rate(speed(record))]
    return [name, *memory, *time, *of_memory, *of_speed]


def _with_range(record: Record) -> str:
    """The median seconds of a step, and the fastest and slowest behind the first where there are several."""
    steady = record.step_seconds[1:]
    median = markdown.seconds(record.seconds_per_step)
    if len(steady) < 2 or min(steady) == max(steady):
        return median
    return f"{median} ({markdown.seconds(min(steady))} to {markdown.seconds(max(steady))})"


def goals_table(found: Headline) -> str:
    """A row for each measured ladder, a column for each target; empty where no ladder was measured.

    Only what was measured answers a target, whatever ``found`` holds.
    """
    measured = Headline(found.model, [record for record in found.records if record.meter == CUDA])
    ladders = [record for record in measured.records if record.cell.method == LADDER]
    rows = [[variant_name(record.cell), *(_verdict(goal, measured, record) for goal in GOALS)] for record in ladders]
    return markdown.table(["target", *(goal.text for goal in GOALS)], rows) if rows else ""


def _verdict(goal: Goal, found: Headline, record: Record) -> str:
    figure = goal.figure(found, record)
    if figure is None:
        return NOT_MEASURED
    return f"{markdown.ratio(figure, 3)}, {MET if goal.is_reached(figure) else MISSED}"


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
