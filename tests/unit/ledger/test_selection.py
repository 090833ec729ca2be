from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.errors import UsageError
from ladderscope.ledger.selection import is_about_records, select_records
from ladderscope.records import Record
from ladderscope.tables.conditions import parse_condition

MakeRecord = Callable[..., Record]


@pytest.fixture
def records(make_record: MakeRecord, make_full_record: MakeRecord) -> list[Record]:
    return [
        make_full_record(seed=0, seq_len=512),
        make_record(1, "11:00:00", method="qlora", quantization="nf4", seq_len=1024, status="oom", error="no room"),
        make_record(2, method="ladder", rank=None, reduction_factor=8, gradient_checkpointing=True),
    ]


@pytest.mark.parametrize(
    ("where", "seeds"),
    [
        (["method=qlora,ladder"], [1, 2]),
        (["seq-len=512:4096"], [0, 1]),
        (["method=lora,qlora", "status=ok"], [0]),
        (["rank=none"], [2]),
        (["quantization=none"], [0, 2]),
        (["parallel=none"], [0, 1, 2]),
        (["gradient-checkpointing=true"], [2]),
        (["not gradient_checkpointing and meter != 'cpu'"], [0]),
        (["peak_allocated_bytes > 9"], [0]),
        (["peak-allocated-bytes=none"], [1, 2]),
        (["flops_per_step > 1e18"], [0]),
        (["error=*room*"], [1]),
        (["env_commit=abc"], [0]),
        (["env_dirty=yes"], [0]),
        (["finished_at > '2026-11-22T10:30'"], [1]),
        (["first_step_peak_reserved_bytes=6"], [0]),
        ([], [0, 1, 2]),
    ],
)
def test_conditions_are_about_settings_results_and_origin(
    where: list[str], seeds: list[int], records: list[Record]
) -> None:
    kept, notes = select_records(records, where)

    assert [record.cell.seed for record in kept] == seeds
    assert len(notes) == len(where)


def test_each_condition_says_how_many_records_it_keeps(records: list[Record]) -> None:
    _, notes = select_records(records, ["seed=1:", "status=ok"])

    assert notes == [
        "The condition 'seed=1:' keeps 2 of 3 records.",
        "The condition 'status=ok' keeps 1 of 2 records.",
    ]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("metod=qlora", "unknown column of records 'metod': did you mean 'method'?"),
        ("loss > 2", "unknown column of records 'loss'"),
        ("seed=9", "--where 'seed=9' leaves none of 3 records: loosen it."),
        ("rank", "is not a condition on columns"),
    ],
)
def test_what_chooses_nothing_is_refused(where: str, message: str, records: list[Record]) -> None:
    with pytest.raises(UsageError) as refusal:
        select_records(records, [where])

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "is_about"),
    [("seq-len=512", True), ("seq_len > 3 and meter == 'cpu'", True), ("step > 3", False), ("loss > rank", False)],
)
def test_what_has_one_value_for_a_record_is_told_from_what_has_one_for_a_step(text: str, is_about: bool) -> None:
    assert is_about_records(parse_condition(text)) is is_about
