from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.records import Cell
from ladderscope.regression.run import Subject
from ladderscope.regression.selection import check_patterns, select

MakeCell = Callable[..., Cell]


@pytest.fixture
def subjects(tiny_cell: MakeCell) -> list[Subject]:
    cells = [
        tiny_cell(method="lora", seq_len=32),
        tiny_cell(method="lora", seq_len=64, gradient_checkpointing=True),
        tiny_cell(method="ladder", seq_len=32),
    ]
    return [Subject.of_cell(cell, "predict", "rtx-3060-12gb") for cell in cells]


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        ((), [0, 1, 2]),
        (("ladder",), [2]),
        (("LADDER",), [2]),
        (("*32 tokens*",), [0, 2]),
        (("method=lora",), [0, 1]),
        (("method=lora,seq-len=64",), [1]),
        (("method=l*",), [0, 1, 2]),
        (("gradient_checkpointing=true",), [1]),
        (("ladder", "seq_len=64"), [1, 2]),
    ],
    ids=str,
)
def test_a_cell_is_selected_when_one_of_the_patterns_is_met(
    subjects: list[Subject], patterns: tuple[str, ...], selected: list[int]
) -> None:
    assert select(subjects, patterns) == [subjects[i] for i in selected]


def test_a_pattern_that_selects_nothing_is_refused_with_names_that_are_there(subjects: list[Subject]) -> None:
    with pytest.raises(UsageError, match="--select 'full' matches none of 3 cells, such as random:tiny-llama lora"):
        select(subjects, ("full",))


def test_a_setting_that_no_cell_has_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown setting in --select 'metod': did you mean 'method'"):
        check_patterns(("metod=lora",))
