from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import pytest

from ladderscope.errors import LedgerError
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.records import SCHEMA_VERSION, Cell, Record


def record(seed: int, status: str = "ok") -> Record:
    return Record(cell=Cell(model="m", method="full", seed=seed), meter="cpu", status=status)  # type: ignore[arg-type]


def seeds(path: Path) -> list[int]:
    return [r.cell.seed for r in read_ledger(path)]


def test_what_is_appended_can_be_read_while_the_ledger_is_open(tmp_path: Path) -> None:
    path = tmp_path / "new" / "runs.jsonl"
    with Ledger(path) as ledger:
        ledger.append(record(1))
        assert seeds(path) == [1]
        ledger.append(record(2))
    assert seeds(path) == [1, 2]


def test_of_one_cell_the_last_record_counts(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    with Ledger(path) as ledger:
        ledger.append(record(1, "error"))
        ledger.append(record(2))
        ledger.append(record(1, "ok"))
    assert [(r.cell.seed, r.status) for r in read_ledger(path)] == [(1, "ok"), (2, "ok")]


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_a_torn_last_line_is_passed_over_and_then_cut(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "runs.jsonl"
    with Ledger(path) as ledger:
        ledger.append(record(1))
    with path.open("a") as file:
        file.write(json.dumps(record(2).to_json(), separators=(",", ":"))[:cut])
    assert seeds(path) == [1]
    with Ledger(path) as ledger:
        ledger.append(record(3))
    assert seeds(path) == [1, 3]
    assert len(path.read_text().splitlines()) == 2


def test_a_last_record_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(record(1).to_json()))
    with Ledger(path) as ledger:
        ledger.append(record(2))
    assert seeds(path) == [1, 2]


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    with Ledger(path) as ledger:
        ledger.append(record(1))
        before = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))  # part of the next line fits
            with pytest.raises(LedgerError, match="cannot write to the ledger"):
                ledger.append(record(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        assert path.read_bytes() == before
        ledger.append(record(3))
    assert seeds(path) == [1, 3]


def test_a_ledger_torn_in_its_first_line_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"schema_version":1,"cell')
    with Ledger(path) as ledger:
        assert ledger.records == []


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    with Ledger(path), pytest.raises(LedgerError, match="another run is writing"), Ledger(path):
        pass


@pytest.mark.parametrize("content", ["hello\n", "hello", "[1]\n", "[1]", '{"a": 1}\n', '{"a": 1}', '{"a": '])
def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(content)
    with pytest.raises(LedgerError), Ledger(path):
        pass
    assert path.read_text() == content


def test_a_newer_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps({**record(1).to_json(), "schema_version": SCHEMA_VERSION + 1}) + "\n")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"line 1 of .*upgrade ladderscope"), Ledger(path):
        pass
    assert path.read_bytes() == before


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(record(1).to_json()) + "\n{oops}\n")
    with pytest.raises(LedgerError, match="line 2 is not JSON"):
        read_ledger(path)


def test_a_missing_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"cannot read the ledger .*absent"):
        read_ledger(tmp_path / "absent.jsonl")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="Choose another --out"), Ledger(tmp_path / "file" / "runs.jsonl"):
        pass
