from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ladderscope.ledger.reading import read_content
from ladderscope.ledger.stats import file_stats, stats_of
from ladderscope.records import Record

MakeRecord = Callable[..., Record]
WriteLedger = Callable[..., Path]


def test_records_are_counted_by_what_tells_them_apart(make_record: MakeRecord, make_full_record: MakeRecord) -> None:
    stats = stats_of(
        [make_full_record(), make_record(1, status="oom", method="qlora"), make_record(2, method="qlora")], []
    )

    assert stats.num_records == 3
    assert stats.by == {
        "status": {"ok": 2, "oom": 1},
        "meter": {"cpu": 2, "predict": 1},
        "method": {"qlora": 2, "lora": 1},
        "model": {"m": 3},
        "gpu": {"none": 2, "t4-16gb": 1},
        "ladderscope": {"none": 2, "0.1.0": 1},
        "commit": {"none": 2, "abc with changes": 1},
    }


def test_time_is_that_of_training_steps_and_of_the_first_and_last_end(
    make_record: MakeRecord, make_full_record: MakeRecord
) -> None:
    stats = stats_of([make_record(1, "11:30:00", step_seconds=[1.0]), make_full_record(), make_record(2)], [])

    assert (stats.num_steps, stats.step_seconds) == (3, 7.0)
    values = stats.to_json()
    assert values["first_finished_at"] == "2026-11-22T10:00:00+00:00"
    assert values["last_finished_at"] == "2026-11-22T11:30:00+00:00"
    assert stats_of([make_record()], []).to_json()["last_finished_at"] is None


def test_a_file_says_what_is_superseded_and_torn(make_record: MakeRecord, write: WriteLedger) -> None:
    path = write("a.jsonl", make_record(1), make_record(1), make_record(2), tail='{"schema')
    content = read_content(path)

    stats = stats_of(list(content.records.values()), [file_stats(path, content)])

    assert json.loads(json.dumps(stats.to_json()))["files"] == [
        {"path": str(path), "num_lines": 3, "num_superseded": 1, "torn_bytes": 8}
    ]
