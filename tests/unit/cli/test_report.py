from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.cli import run
from ladderscope.ledger import Ledger
from ladderscope.records import Cell, Memory, Record


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "runs.jsonl"
    memory = Memory(
        peak_allocated_bytes=2**29, peak_reserved_bytes=None, peak_rss_bytes=2**30, breakdown_bytes={"weights": 2**29}
    )
    with Ledger(path) as opened:
        opened.append(Record(cell=Cell(model="smollm2-135m", method="full"), meter="cpu", status="ok", memory=memory))
    return path


def test_a_report_is_written_and_its_path_printed(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "report"

    assert run(["report", str(ledger), "--out", str(out)]) == 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "512 MiB" in captured.err
    assert captured.err.endswith(f"Wrote {out / 'report.html'}\n")
    assert (out / "report.html").is_file()


@pytest.mark.parametrize("out", ["runs.jsonl", "runs.jsonl/report"])
def test_a_folder_that_cannot_be_made_ends_with_one_sentence(
    out: str, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(ledger), "--out", str(ledger.parent / out)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "hoose another --out." in line


def test_an_empty_ledger_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()

    assert run(["report", str(empty), "--out", str(tmp_path / "report")]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "holds no record" in line
    assert not (tmp_path / "report").exists()


def test_of_several_ledgers_the_records_are_reported_that_are_chosen(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger(tmp_path / "more.jsonl") as more:
        more.append(Record(cell=Cell(model="smollm2-135m", method="lora", rank=4), meter="cpu", status="error"))
    both = [str(ledger), str(tmp_path / "more.jsonl")]

    assert run(["report", *both, "--where", "method=lora,qlora", "--out", str(tmp_path / "report")]) == 0

    err = capsys.readouterr().err
    assert "The condition 'method=lora,qlora' keeps 1 of 2 records." in err
    page = (tmp_path / "report" / "report.md").read_text()
    assert "lora r=4" in page
    assert "full, 256" not in page


def test_a_condition_that_leaves_nothing_ends_with_one_sentence(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(ledger), "--where", "method=qlora", "--out", str(tmp_path / "report")]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line == "Error: --where 'method=qlora' leaves none of 1 records: loosen it."
    assert not (tmp_path / "report").exists()


def test_out_is_required(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(ledger)]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error:")]
    assert errors == ["Error: Missing option '--out': the folder to write to, as in --out report/."]


def test_a_ledger_that_is_not_there_is_said_before_anything_else(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ledger.with_name("nothere.jsonl")
    assert run(["report", str(ledger), str(missing)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(missing) in line
    assert "--out" not in line
