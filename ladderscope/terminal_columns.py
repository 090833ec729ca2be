"""Tables that fit the terminal: where the width runs out, the least important columns go, not the reader."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ladderscope.terminal_wrapping import wrapped

PADDING = 3
_LEAST_ROW_NAME = 26
"""Terminal cells that names keep when columns compete for the width."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of text.

    Attributes:
        header: its name, which may have several lines.
        cells: one for each row.
        rank: of columns that do not all fit, those with the highest one are left out first.
        numeric: whether it is aligned at the right.
        least: terminal cells to which its text is wrapped rather than columns left out; None: it is never wrapped.
    """

    header: str
    cells: Sequence[str]
    rank: int = 0
    numeric: bool = True
    least: int | None = None

    @property
    def width(self) -> int:
        """Terminal cells that the column takes on one line, with the space around it."""
        lines = [line for text in (self.header, *self.cells) for line in text.split("\n")]
        return max(cell_len(line) for line in lines) + PADDING

    @property
    def least_width(self) -> int:
        """Terminal cells that it takes where it is wrapped as far as it may be."""
        if self.least is None:
            return self.width
        header = max(map(cell_len, self.header.split("\n")))
        return min(self.width, max(self.least, header) + PADDING)

    def wrapped(self, width: int) -> Column:
        """The column with its text on as many lines as it takes within ``width`` terminal cells."""
        return dataclasses.replace(self, cells=[wrapped(text, width - PADDING) for text in self.cells])


def print_columns(columns: Sequence[Column], console: Console, title: str, *, space_below: bool = True) -> None:
    """Print the columns that fit ``console``, then the names of those that do not.

    Args:
        columns: of the table.
        console: to print on.
        title: above the table.
        space_below: whether an empty line is to follow the table.
    """
    fitting = _fitting(columns, console.width)
    shown = _wrapped_to(fitting, console.width)
    if title:
        _say(title, console, "bold")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in shown:
        table.add_column(
            Text(column.header), justify="right" if column.numeric else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    _print_table(table, console, space_below=space_below)
    say_hidden([column.header for column in columns if column not in fitting], console)


def has_room(columns: Sequence[Column], console: Console) -> bool:
    """Whether no column of rank 0 would be left out on ``console``."""
    return _least_width([column for column in columns if not column.rank]) <= console.width


def _print_table(table: Table, console: Console, *, space_below: bool) -> None:
    """Print a table without the spaces that fill its lines: they break where they are copied or a terminal narrows."""
    lines = [Text.assemble(*((part.text, part.style or "") for part in line)) for line in console.render_lines(table)]
    for line in lines:
        line.rstrip()
    while lines and not lines[-1].plain:
        lines.pop()
    for line in [*lines, *([Text()] if space_below else [])]:
        console.print(line, soft_wrap=True)


def print_named_columns(
    heading: str,
    names: Sequence[str],
    columns: Sequence[Column],
    console: Console,
    title: str = "",
    *,
    shorten: Callable[[str, int], str],
    least_name: int = _LEAST_ROW_NAME,
    space_below: bool = True,
) -> None:
    """Print columns behind long names, which are cut to the room that there is before all columns have gone.

    Args:
        heading: of the column of names.
        names: one for each row.
        columns: those of rank 0 stay.
        console: to print on.
        title: of the table.
        shorten: cuts a name to a number of terminal cells.
        least_name: cells that names keep when columns compete for the width.
        space_below: whether an empty line is to follow the table.
    """
    longest = max(map(cell_len, (heading, *names)))
    shown = list(columns)
    while len(shown) > 1 and _room(shown, console) < min(longest, least_name) and max(c.rank for c in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    wanted = max(_room(shown, console), 8)
    column = Column(shorten(heading, wanted), [shorten(name, wanted) for name in names], numeric=False)
    print_columns([column, *shown], console, title, space_below=space_below)
    say_hidden([column.header for column in columns if column not in shown and column.header], console)


def _room(columns: Sequence[Column], console: Console) -> int:
    return console.width - sum(column.width for column in columns) - PADDING


def say_hidden(headers: Sequence[str], console: Console) -> None:
    """Name the columns that were left out, if any."""
    if headers:
        names = ", ".join(header.replace("\n", " ") for header in headers)
        _say(f"Not shown at this width: {names}.", console, "dim")


def _say(text: str, console: Console, style: str) -> None:
    for line in Text(text, style=style).wrap(console, console.width):
        line.rstrip()
        console.print(line, soft_wrap=True)


def _fitting(columns: Sequence[Column], width: int) -> list[Column]:
    shown = list(columns)
    while _least_width(shown) > width and len(shown) > 1:
        shown.remove(max(shown, key=lambda column: column.rank))
    return shown


def _least_width(columns: Sequence[Column]) -> int:
    """Of a table of these columns; the last one has one cell of space less around it."""
    return sum(column.least_width for column in columns) - 1


def _wrapped_to(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns with what there is of spare room, the most important first."""
    spare = max(width - _least_width(columns), 0)
    widths: dict[int, int] = {}
    for index, column in sorted(enumerate(columns), key=lambda item: item[1].rank):
        widths[index] = min(column.least_width + spare, column.width)
        spare -= widths[index] - column.least_width
    return [
        column if widths[index] == column.width else column.wrapped(widths[index])
        for index, column in enumerate(columns)
    ]
