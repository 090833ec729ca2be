"""Tables that fit the terminal: where the width runs out, the least important columns go, not the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

PADDING = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column of text. Of columns that do not all fit, those with the highest ``rank`` are left out first."""

    header: str
    cells: Sequence[str]
    rank: int = 0
    numeric: bool = True

    @property
    def width(self) -> int:
        """Terminal cells that the column takes, with the space around it."""
        lines = [line for text in (self.header, *self.cells) for line in text.split("\n")]
        return max(cell_len(line) for line in lines) + PADDING


def print_columns(columns: Sequence[Column], console: Console, title: str) -> None:
    """Print the columns that fit ``console``, then the names of those that do not."""
    shown = _fitting(columns, console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in shown:
        table.add_column(
            Text(column.header), justify="right" if column.numeric else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    hidden = [column.header.replace("\n", " ") for column in columns if column not in shown]
    if hidden:
        console.print(Text(f"Not shown at this width: {', '.join(hidden)}.", style="dim"))


def _fitting(columns: Sequence[Column], width: int) -> list[Column]:
    shown = list(columns)
    while sum(column.width for column in shown) > width and len(shown) > 1:
        shown.remove(max(shown, key=lambda column: column.rank))
    return shown
