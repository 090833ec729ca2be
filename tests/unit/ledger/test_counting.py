"""Which of several records counts, by when they finished and how."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.ledger import Ledger, read_ledger, read_ledgers
from ladderscope.ledger.counting import standing_of
from ladderscope.records import Record

MakeRecord = Callable[..., Record]
WriteLedger = Callable[..., Path]


def shown(records: list[Record]) -> list[tuple[str | None, str]]:
    return [(one.gpu, one.status) for one in records]


def test_what_finished_later_stands_higher_and_what_says_no_time_lowest(make_record: MakeRecord) -> None:
    rising = [
        make_record(status="error"),
        make_record(),
        make_record(finished="10:00:00", status="oom"),
        make_record(finished="10:00:00"),
        make_record(finished="10:00:01", status="error"),
    ]

    for lower, higher in itertools.pairwise(map(standing_of, rising)):
        assert lower < higher


@pytest.mark.parametrize(
    "names", list(itertools.permutations(["crash", "ok", "timed", "late"])), ids=lambda names: "-".join(names)
)
def test_no_order_of_ledgers_changes_which_record_counts(
    names: tuple[str, ...], make_record: MakeRecord, write: WriteLedger
) -> None:
    records = {
        "crash": make_record(status="error"),
        "ok": make_record(),
        "timed": make_record(finished="10:00:00"),
        "late": make_record(finished="11:00:00", status="timeout"),
    }

    assert read_ledgers([write(f"{name}.jsonl", records[name]) for name in names]) == [records["late"]]


def test_the_next_try_supersedes_a_failure_whose_gpu_nobody_knows(make_record: MakeRecord, write: WriteLedger) -> None:
    lost = make_record(finished="10:00:00", meter="cuda", status="timeout")
    done = make_record(finished="10:30:00", meter="cuda", gpu="NVIDIA A100")
    path = write("runs.jsonl", lost, done)

    assert shown(read_ledger(path)) == [("NVIDIA A100", "ok")]
    with Ledger(path) as ledger:
        assert shown(ledger.records) == [("NVIDIA A100", "ok")]
    assert shown(read_ledgers([write("b.jsonl", done), write("a.jsonl", lost)])) == [("NVIDIA A100", "ok")]


def test_a_failure_that_is_later_than_what_is_known_is_not_hidden(make_record: MakeRecord, write: WriteLedger) -> None:
    done = make_record(finished="10:00:00", meter="cuda", gpu="NVIDIA A100")
    lost = make_record(finished="10:30:00", meter="cuda", status="timeout")

    assert shown(read_ledger(write("runs.jsonl", done, lost))) == [("NVIDIA A100", "ok"), (None, "timeout")]


@pytest.mark.parametrize("other", [{"seed": 1}, {"meter": "predict"}])
def test_a_record_of_another_cell_or_meter_supersedes_no_failure(
    other: dict[str, object], make_record: MakeRecord, write: WriteLedger
) -> None:
    lost = make_record(finished="10:00:00", meter="cuda", status="error")
    done = make_record(**{"finished": "10:30:00", "meter": "cuda", "gpu": "NVIDIA A100", **other})

    assert len(read_ledger(write("runs.jsonl", lost, done))) == 2
