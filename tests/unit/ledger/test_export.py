from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from ladderscope.errors import UsageError
from ladderscope.ledger.columns import COLUMNS
from ladderscope.ledger.export import export_records
from ladderscope.records import Record

MakeRecord = Callable[..., Record]


def test_parquet_holds_every_column_and_a_row_for_each_record(
    make_record: MakeRecord, make_full_record: MakeRecord, tmp_path: Path
) -> None:
    path = tmp_path / "runs.parquet"
    export_records([make_full_record(seed=3), make_record(4, error='no\n"room"', status="oom")], path)

    full, failed = pyarrow.parquet.read_table(path).to_pylist()

    assert list(full) == list(COLUMNS)
    expected = {
        "model": "m",
        "rank": 8,
        "reduction_factor": None,
        "seed": 3,
        "lr": 1e-3,
        "gradient_checkpointing": False,
        "gpu": "t4-16gb",
        "finished_at": datetime.datetime(2026, 11, 22, 10, tzinfo=datetime.UTC),
        "peak_allocated_bytes": 10,
        "peak_rss_bytes": None,
        "weights_bytes": 7,
        "activations_bytes": None,
        "first_step_peak_reserved_bytes": 6,
        "load_peak_reserved_bytes": None,
        "unverified": ["a rule"],
        "trainable_params": 3,
        "flops_per_step": 2.0**63,
        "head_flops": 2.0**63,
        "seconds_per_step": 2.0,
        "tokens_per_second": 128.0,
        "step_seconds": [4.0, 2.0],
        "eval_loss_after": 2.25,
        "last_loss": 2.5,
        "loss": [3.0, 2.5],
        "env_dirty": True,
        "env_cuda": None,
    }
    assert {name: full[name] for name in expected} == expected
    assert (failed["status"], failed["error"], failed["loss"], failed["flops_per_step"]) == (
        "oom",
        'no\n"room"',
        [],
        None,
    )


def test_columns_keep_their_type_where_no_record_has_a_value(make_record: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    export_records([make_record()], path)

    types = {field.name: str(field.type) for field in pyarrow.parquet.read_schema(path)}

    assert types["peak_reserved_bytes"] == "int64"
    assert types["eval_loss_after"] == "double"
    assert types["loss"] == "list<element: double>"
    assert types["finished_at"].startswith("timestamp")
    assert types["gpu"] == "string"


def test_a_column_says_in_the_file_what_it_means(make_record: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    export_records([make_record()], path)

    metadata = pyarrow.parquet.read_schema(path).field("peak_rss_bytes").metadata

    assert metadata[b"meaning"] == b"peak of the process in its whole life"


def test_csv_has_the_columns_without_lists_and_keeps_whole_numbers(
    make_record: MakeRecord, make_full_record: MakeRecord, tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    export_records([make_full_record(), make_record(1, error='a, "b"\nc')], path)

    table = pd.read_csv(path, dtype_backend="numpy_nullable")

    assert list(table) == [name for name, column in COLUMNS.items() if not column.is_list]
    assert table["peak_allocated_bytes"].to_list() == [10, pd.NA]
    assert table["error"][1] == 'a, "b"\nc'
    assert pd.to_datetime(table["finished_at"])[0] == pd.Timestamp("2026-11-22T10:00:00Z")


def test_another_ending_is_refused(make_record: MakeRecord, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"runs\.xlsx ends in neither \.parquet nor \.csv"):
        export_records([make_record()], tmp_path / "runs.xlsx")


def test_a_value_of_another_kind_is_refused_and_leaves_no_file(make_record: MakeRecord, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"seq_len \(setting seq_len of the cell\) is not of its kind"):
        export_records([make_record(seq_len="long")], tmp_path / "runs.csv")

    assert list(tmp_path.iterdir()) == []


def test_the_document_lists_every_column_with_its_meaning() -> None:
    document = (Path(__file__).parents[3] / "docs" / "ledgers.md").read_text().partition("| column | kind |")[2]

    rows = [line.split(" | ") for line in document.splitlines() if line.startswith("| `")]
    assert [(row[0].strip("| `"), row[1], row[2].strip(" |")) for row in rows] == [
        (column.name, column.kind, column.meaning) for column in COLUMNS.values()
    ]
