from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.tables.conditions import parse_condition

TABLE = pd.DataFrame(
    {
        "method": ["qlora", "ladder", "lora", None],
        "seq_len": [256.0, 1024.0, 4096.0, float("nan")],
        "model": ["random:gpt2", "random:opt-1.3b", "a,b", "none"],
        "size": ["7", "13", None, "70"],
        "checkpointing": [True, False, True, False],
    }
)


def lookup(name: str) -> pd.Series[Any]:
    if name not in TABLE:
        raise UnknownNameError("column", name, map(str, TABLE.columns))
    return TABLE[name]


def rows(text: str) -> list[int]:
    holds = parse_condition(text).condition(lookup)
    return [int(row) for row in TABLE.index[holds]]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("method=qlora,ladder", [0, 1]),
        (" method = lora ", [2]),
        ("method=none", [3]),
        ("method=qlora,none", [0, 3]),
        ("seq-len=1024:4096", [1, 2]),
        ("seq-len=:1024", [0, 1]),
        ("seq-len=2e3:", [2]),
        ("seq_len=256,4096", [0, 2]),
        ("`seq_len`=256,1000:2000", [0, 1]),
        ("model=random:*", [0, 1]),
        ("model=random:opt-1.3?", [1]),
        ("model='a,b'", [2]),
        ('model="a,b",random:gpt2', [0, 2]),
        ("model='none'", [3]),
        ("model=none", [3]),
        ("model=random:*,None", [0, 1, 3]),
        ("method='none'", []),
        ("size=none", [2]),
        ("model='random:*'", []),
        ("size=10:100", [1, 3]),
        ("size=7", [0]),
        ("checkpointing=true", [0, 2]),
        ("checkpointing=no", [1, 3]),
    ],
)
def test_in_short_one_of_the_values_must_hold(text: str, kept: list[int]) -> None:
    assert rows(text) == kept


@pytest.mark.parametrize("text", ["method == 'qlora'", "seq_len <= 256", "method in ['qlora']", "not seq_len != 256"])
def test_everything_else_is_an_expression(text: str) -> None:
    assert rows(text) == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method=", "'method=' lacks a value: write one or several, as in method=qlora,ladder"),
        ("method=qlora,,lora", "lacks a value"),
        ("seq-len=long", "seq-len is a number, and 'seq-len=long' asks for 'long': give numbers, or a range"),
        ("checkpointing=1", "checkpointing is true or false, and 'checkpointing=1' asks for '1'"),
        ("metod=qlora", "unknown column 'metod': did you mean 'method'?"),
        ("seq-le=3", "unknown column 'seq_le': did you mean 'seq_len'?"),
        ("method", "is not a condition on columns"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        rows(text)

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [("seq-len=3", ["seq-len"]), ("`a b` > 1 and c + c == d", ["a b", "c", "d"]), ("1 > 2", [])],
)
def test_a_condition_says_which_columns_it_is_about(text: str, names: list[str]) -> None:
    assert sorted(parse_condition(text).names()) == names
