from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ladderscope.cli import run
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.records import Cell, Record


def record(seed: int, method: str = "lora", status: str = "ok", finished: str = "10:00:00") -> Record:
    cell = Cell(model="m", method=method, seed=seed)
    env = {"finished_at": f"2026-11-22T{finished}+00:00", "ladderscope": "0.1.0", "commit": "abc"}
    return Record(cell=cell, meter="cpu", status=status, step_seconds=[30.0] * 10, env=env)  # type: ignore[arg-type]


def ledger(path: Path, *records: Record) -> Path:
    with Ledger(path) as opened:
        for one in records:
            opened.append(one)
    return path


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Two ledgers that share a cell, in the second of which it has ended well."""
    return [
        ledger(tmp_path / "a.jsonl", record(1, status="error"), record(2)),
        ledger(tmp_path / "b.jsonl", record(1, finished="11:00:00"), record(3, "qlora")),
    ]


def test_merge_says_what_it_kept_and_left_out(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    out = two[0].parent / "deep" / "runs.jsonl"
    with two[1].open("a") as file:
        file.write('{"schema_version":1,')

    assert run(["ledger", "merge", *map(str, two), "--out", str(out)]) == 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"{two[1]} ends in a line that is not whole, left out: a run is writing it, or was killed.",
        "0 superseded lines left out; 1 record in several ledgers, 1 of them not alike: the one that finished last is "
        "kept.",
        f"Wrote {out}: 3 records.",
    ]
    assert [(one.cell.seed, one.status) for one in read_ledger(out)] == [(1, "ok"), (2, "ok"), (3, "ok")]


def test_merging_again_says_that_nothing_changed(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    out = two[0].parent / "runs.jsonl"
    arguments = ["ledger", "merge", *map(str, two), "--out", str(out)]
    run(arguments)
    capsys.readouterr()

    assert run(arguments) == 0

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"{out} was there: its records are merged too."
    assert lines[-1] == f"{out} is the same as before: 3 records."


def test_stats_are_a_few_lines_on_stdout(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "stats", *map(str, two)]) == 0

    lines = capsys.readouterr().out.splitlines()
    rows = {name: " ".join(text) for name, *text in (line.split() for line in lines[1:])}
    assert lines[0] == "3 records"
    assert rows["method"] == "2 lora, 1 qlora"
    assert rows["steps"] == "30 measured, 15 min in them"
    assert rows["finished"] == "2026-11-22 10:00:00 UTC to 2026-11-22 11:00:00 UTC"
    assert rows[str(two[0])] == "2 lines, 0 superseded"


def test_stats_as_json_have_all_values(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "stats", *map(str, two), "--json", "--where", "method=lora"]) == 0

    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert values["num_records"] == 2
    assert values["by"]["status"] == {"ok": 2}
    assert [file["num_lines"] for file in values["files"]] == [2, 2]
    assert captured.err == "The condition 'method=lora' keeps 2 of 3 records.\n"


@pytest.mark.parametrize(("name", "read"), [("runs.csv", pd.read_csv), ("runs.parquet", pd.read_parquet)])
def test_export_writes_the_records_that_are_chosen(
    name: str, read: object, two: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = two[0].parent / name

    assert run(["ledger", "export", *map(str, two), "--where", "seed=2:", "--out", str(out)]) == 0

    table = read(out)  # type: ignore[operator]
    assert table["seed"].to_list() == [2, 3]
    assert table["seconds_per_step"].to_list() == [30.0, 30.0]
    assert capsys.readouterr().err.endswith(f"Wrote {out}: 2 rows.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["merge", "absent.jsonl", "--out", "out.jsonl"], "cannot read the ledger absent.jsonl"),
        (["merge", "{a}", "--out", "{a}/out.jsonl"], "Choose another --out."),
        (["stats", "absent.jsonl"], "cannot read the ledger absent.jsonl"),
        (["stats", "{a}", "--where", "sed=1"], "unknown column of records 'sed': did you mean 'seed'?"),
        (["export", "{a}", "--out", "out.xlsx"], "ends in neither .parquet nor .csv"),
        (["export", "{a}", "--where", "seed=7", "--out", "out.csv"], "leaves none of 2 records: loosen it."),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence(
    arguments: list[str],
    message: str,
    two: list[Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(two[0].parent)

    assert run(["ledger", *(text.replace("{a}", str(two[0])) for text in arguments)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert message in line
    assert not list(Path().glob("out.*"))
