from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.reading.columns import Columns, parse_columns
from ladderscope.tables.expressions import Expression

TABLE = pd.DataFrame(
    {
        "params": [1.0, 2.0, 4.0, 8.0],
        "Training FLOP": [6.0, 24.0, 96.0, float("nan")],
        "method": ["lora", "qlora", "ladder", None],
        "done": [True, True, False, True],
        "note": ["1", "2", "x", "4"],
    },
    index=[1, 2, 3, 4],
)


def lookup(name: str) -> pd.Series[Any]:
    return Columns(TABLE, {"N": "params", "D": "`Training FLOP` / (6 * N)"}).role_first(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("params + 1", [2, 3, 5, 9]),
        ("-params ** 2", [-1, -4, -16, -64]),
        ("2 * params / 4 - 1e0", [-0.5, 0, 1, 3]),
        ("params // 3 + params % 3", [1, 2, 2, 4]),
        ("D + N", [2, 4, 8, None]),
        ("`Training FLOP` / 6", [1, 4, 16, None]),
    ],
)
def test_arithmetic_over_columns(text: str, expected: list[float | None]) -> None:
    value = Expression.parse(text).value(lookup)

    assert value.to_list() == pytest.approx([float("nan") if x is None else x for x in expected], nan_ok=True)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("N > 2", [3, 4]),
        ("2 <= N < 8", [2, 3]),
        ("method == 'lora'", [1]),
        ('method != "lora"', [2, 3, 4]),
        ("method in ['lora', 'ladder']", [1, 3]),
        ("method not in ('lora', 'ladder')", [2, 4]),
        ("N in [1, 8]", [1, 4]),
        ("N > 1 and method == 'qlora' or N == 8", [2, 4]),
        ("(N > 1) & (N < 8) | (N == 1)", [1, 2, 3]),
        ("not (N > 1)", [1]),
        ("~done", [3]),
        ("done and N < 8", [1, 2]),
        ("done == True", [1, 2, 4]),
        ("`Training FLOP` > 0", [1, 2, 3]),
        ("method == 'a `quoted` name'", []),
    ],
)
def test_conditions_choose_rows_and_missing_values_fulfil_none(text: str, rows: list[int]) -> None:
    holds = Expression.parse(text).condition(lookup)

    assert TABLE.index[holds].to_list() == rows


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "__import__('os').system('true') == 0",
        "@params > 1",
        "params.values",
        "params.sum() > 1",
        "params[0] > 1",
        "[x for x in params]",
        "(lambda: 1)() == 1",
        "(y := 3) > params",
        "params if done else 1",
        "f'{params}' == '1'",
        "N > 1; N < 2",
        "import os",
        "params is None",
        "params == None",
        "b'1' == params",
        "params > 1j",
        "params in done",
        "N > 1 and",
        "",
        "`params",
        "(" * 500 + "1" + ")" * 500,
        "-" * 1500 + "params > 1",
        "1 + " * 1000 + "params > 1",
    ],
)
def test_whatever_else_python_could_do_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Expression.parse(text).condition(lookup)

    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("N > 'lora'", "N and 'lora' in \"N > 'lora'\" cannot be compared: one is a number, the other text"),
        ("N", "'N' is not a condition on columns"),
        ("3 > 2", "'3 > 2' is not a condition on columns"),
        ("N and done", "N in 'N and done' is not a condition"),
        ("done + 1 > 2", "done in 'done + 1 > 2' is not a number"),
        ("note > 3", "note is not a number in row 3 ('x')"),
        ("method + 'a' == 'loraa'", "method is not a number in rows 1, 2 and 3"),
        ("`Training FLOPs` > 1", "unknown column 'Training FLOPs': did you mean 'Training FLOP'?"),
        ("parms > 1", "unknown column 'parms': did you mean 'params'?"),
        (f"N > {'9' * 400}", "99999999999999999999..., of 400 digits, in 'N > 999"),
    ],
)
def test_a_wrong_condition_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Expression.parse(text).condition(lookup)


def test_numbers_that_are_too_large_do_no_harm() -> None:
    assert Expression.parse("9 ** 9 ** 9 ** 9 > params").condition(lookup).all()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["N=params,D=tokens"], {"N": "params", "D": "tokens"}),
        (["N=params", "loss=`val, loss`"], {"N": "params", "loss": "`val, loss`"}),
        (["D = flops/(6*params) , compute=flops"], {"D": "flops/(6*params)", "C": "flops"}),
        (["seq-len=length"], {"S": "length"}),
        (["N=Model Size"], {"N": "Model Size"}),
    ],
)
def test_columns_by_role(texts: list[str], expected: dict[str, str]) -> None:
    assert parse_columns(texts) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params", "cannot understand 'params' in --columns: write ROLE=COLUMN"),
        ("N=", "cannot understand 'N=' in --columns"),
        ("N=a,N=b", "--columns names N twice: 'a' and 'b'"),
        ("N=a,params=b", "--columns names N twice"),
        ("los=a", "unknown role in --columns 'los': did you mean 'loss'?"),
    ],
)
def test_wrong_columns_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_columns([text])


@pytest.mark.parametrize("given", [{"D": "D * 2"}, {"D": "C / N", "C": "D * N", "N": "params"}])
def test_a_role_cannot_be_made_from_itself(given: dict[str, str]) -> None:
    with pytest.raises(UnknownNameError):
        Columns(TABLE, given).role("D")


def test_a_column_of_the_same_name_may_be_rescaled() -> None:
    table = pd.DataFrame({"D": [1.0, 2.0]})

    assert Columns(table, {"D": "D * 1000"}).role("D").to_list() == [1000.0, 2000.0]
