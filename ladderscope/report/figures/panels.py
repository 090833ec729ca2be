"""A figure of several panels with one legend above them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ladderscope.report.figures.style import new_figure

MAX_PANELS = 6
PANELS_PER_ROW = 3
LETTER_INCHES = 0.085
HANDLE_INCHES = 0.6

_Key = TypeVar("_Key", bound=Hashable)


def new_panels(n_panels: int, *, share_y: bool, per_row: int = PANELS_PER_ROW) -> tuple[Figure, list[Axes]]:
    """A figure with ``n_panels`` panels, at most ``per_row`` in a row."""
    columns = min(n_panels, per_row)
    rows = math.ceil(n_panels / columns)
    figure = new_figure(max(4.2 * columns, 7.5), 3.6 * rows + 0.9)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
    axes = [axis for row in grid for axis in row]
    for spare in axes[n_panels:]:
        spare.remove()
    return figure, axes[:n_panels]


def add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend above the panels with each label once."""
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    if handles:
        entry_inches = LETTER_INCHES * max(map(len, handles)) + HANDLE_INCHES
        columns = max(1, min(4, int(figure.get_figwidth() / entry_inches)))
        figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=columns)


def first_panels(keys: Sequence[_Key], what: str) -> tuple[list[_Key], str]:
    """The keys that get a panel, and a sentence about those that do not."""
    if len(keys) <= MAX_PANELS:
        return list(keys), ""
    return list(keys[:MAX_PANELS]), f"The first {MAX_PANELS} of {len(keys)} {what} are shown."
