"""Which columns a terminal shows, and which it says it does not."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ladderscope.terminal_columns import Column, has_room, print_columns

NAME = Column("name", ["short", "one that is rather long"], numeric=False, least=12)
PEAK = Column("peak\nallocated", ["18 MiB", "1.25 GiB"])
NOTE = Column("note", ["-", "so many words as nobody reads"], rank=1, numeric=False, least=10)
LEAST_OF_ALL = 12 + 3 + 9 + 3 + 10 + 2
"""Of the three texts, with the space between them and at both ends."""
LEAST_WITHOUT_NOTE = 12 + 3 + 9 + 2


def printed(width: int, *columns: Column) -> list[str]:
    output = io.StringIO()
    print_columns(columns or (NAME, PEAK, NOTE), Console(file=output, width=width), "")
    return output.getvalue().splitlines()


def test_a_wide_terminal_has_every_row_on_one_line() -> None:
    lines = printed(120)
    assert any("one that is rather long   " in line and "so many words as nobody reads" in line for line in lines)
    assert "Not shown" not in "".join(lines)


def test_text_is_wrapped_before_a_column_is_left_out() -> None:
    lines = printed(LEAST_OF_ALL)
    text = " ".join(" ".join(lines).split())
    assert "Not shown" not in text
    assert max(map(len, lines)) <= LEAST_OF_ALL
    assert "one that is rather long" not in text
    assert [line.split()[-1] for line in lines if "1.25 GiB" in line] == ["many"]


def test_what_has_no_room_is_left_out_and_named() -> None:
    lines = printed(LEAST_OF_ALL - 1)
    assert lines[-1] == "Not shown at this width: note."
    assert not any("words" in line for line in lines)


def test_the_more_important_column_is_the_first_to_have_its_text_on_one_line() -> None:
    spare = len("one that is rather long") - 12
    lines = printed(LEAST_OF_ALL + spare)
    assert any("one that is rather long" in line for line in lines)
    assert not any("so many words" in line for line in lines)


def test_a_column_is_as_wide_as_its_heading() -> None:
    column = Column("a heading of some length", ["a b c d e f g h i j k l m n o p"], numeric=False, least=4)
    assert column.least_width == len("a heading of some length") + 3


@pytest.mark.parametrize("width", range(LEAST_WITHOUT_NOTE, 100))
def test_no_line_is_longer_than_the_terminal_and_none_is_cut(width: int) -> None:
    lines = printed(width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("width", range(4, LEAST_WITHOUT_NOTE))
def test_where_not_even_the_columns_that_stay_have_room_no_line_is_longer_either(width: int) -> None:
    assert max(map(len, printed(width))) <= width


def test_there_is_room_where_nothing_of_rank_0_is_left_out() -> None:
    assert has_room([NAME, PEAK, NOTE], Console(width=LEAST_WITHOUT_NOTE))
    assert not has_room([NAME, PEAK, NOTE], Console(width=LEAST_WITHOUT_NOTE - 1))
