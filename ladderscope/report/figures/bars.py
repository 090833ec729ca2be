"""Stacked horizontal bars, one for each cell, in groups by sequence length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ladderscope.records import Record
from ladderscope.report.figures.panels import LETTER_INCHES
from ladderscope.report.figures.style import new_figure
from ladderscope.report.labels import distinct_labels, is_predicted
from ladderscope.report.many import one_of_each_group

MAX_BARS = 64
GROUP_GAP = 0.6
BAR_INCHES = 0.3
LEAST_WIDTH_INCHES = 9.5
LEAST_BARS_INCHES = 5.0
"""Beside the labels, however long they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the bars show: parts of each record by name, and how their sum reads at the end of the bar."""

    parts: Sequence[Mapping[str, float]]
    totals: Sequence[str]
    colours: Mapping[str, str]
    axis_label: str


def draw_bars(records: Sequence[Record], stack: Stack) -> Figure:
    """Bars of ``records``, hatched where they are predicted; at most :data:`MAX_BARS` of them fit."""
    positions = _positions(records)
    labels = distinct_labels(records)
    width = max(LEAST_WIDTH_INCHES, LEAST_BARS_INCHES + LETTER_INCHES * max(map(len, labels)))
    figure = new_figure(width, 1.5 + BAR_INCHES * (positions[-1] + 1))
    axes = figure.add_subplot()
    ends = [0.0] * len(records)
    hatches = ["////" if is_predicted(record) else "" for record in records]
    for name, colour in stack.colours.items():
        widths = [part.get(name, 0) for part in stack.parts]
        if any(widths):
            axes.barh(
                positions,
                widths,
                0.78,
                left=ends,
                color=colour,
                hatch=hatches,
                edgecolor="white",
                linewidth=0.4,
                label=name.replace("_", " "),
            )
            ends = [end + width for end, width in zip(ends, widths, strict=True)]
    for position, end, total in zip(positions, ends, stack.totals, strict=True):
        axes.annotate(total, (end, position), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(positions, labels)
    axes.set_ylim(positions[-1] + 0.6, -0.6)
    axes.set_xlim(0, max(ends) * 1.13 or 1)
    axes.set_xlabel(stack.axis_label)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def shown(records: Sequence[Record]) -> tuple[list[Record], str]:
    """The records that fit into one figure, and a sentence about the rest and about hatching.

    Of too many it is the first of each model, method and length: seeds and other settings seldom change the bars.
    """
    sentences = []
    kept = list(records)
    if len(kept) > MAX_BARS:
        kept = one_of_each_group(records)[:MAX_BARS]
        sentences.append(
            f"{len(kept)} of {len(records):,} cells are shown, the first of each model, method and length; the table "
            "holds all."
        )
    if any(is_predicted(record) for record in kept):
        sentences.append("Hatched bars are predicted, the others measured.")
    return kept, " ".join(sentences)


def _positions(records: Sequence[Record]) -> list[float]:
    positions, place = [], 0.0
    for number, record in enumerate(records):
        if number and _group_of(record) != _group_of(records[number - 1]):
            place += GROUP_GAP
        positions.append(place)
        place += 1
    return positions


def _group_of(record: Record) -> tuple[str, int]:
    return (record.cell.model, record.cell.seq_len)
