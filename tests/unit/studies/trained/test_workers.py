"""Workers are real processes here, of a script that needs no torch."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.records import Cell, Record
from ladderscope.studies.trained.workers import train_all

ECHO = """
import json, os, sys
for line in sys.stdin:
    cell = json.loads(line)
    if cell["method"] == "full":
        print("it says why", file=sys.stderr)
        sys.exit(7)
    print(json.dumps({"schema_version": 1, "cell": cell, "meter": "cpu", "status": "ok",
                      "env": {"cwd": os.getcwd(), "threads": os.environ["OMP_NUM_THREADS"]}}), flush=True)
"""
CELLS = [Cell(model="m", method="lora", rank=rank) for rank in (1, 2, 3)]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(ECHO)
    return path


def test_every_cell_is_answered_once_by_workers_in_the_work_folder_with_a_thread_each(
    script: Path, tmp_path: Path
) -> None:
    records: list[Record] = []
    train_all(CELLS, script, 2, tmp_path, records.append, threading.Event())
    assert sorted(record.cell.rank or 0 for record in records) == [1, 2, 3]
    assert {(record.env["cwd"], record.env["threads"]) for record in records} == {(str(tmp_path), "1")}


def test_after_an_interrupt_no_further_cell_begins(script: Path, tmp_path: Path) -> None:
    records: list[Record] = []
    stop = threading.Event()

    def keep_and_interrupt(record: Record) -> None:
        records.append(record)
        stop.set()

    train_all(CELLS, script, 1, tmp_path, keep_and_interrupt, stop)
    train_all(CELLS, script, 1, tmp_path, records.append, stop)
    assert [record.cell for record in records] == CELLS[:1]


def test_a_worker_that_dies_becomes_a_record_and_another_takes_its_place(script: Path, tmp_path: Path) -> None:
    records: list[Record] = []
    cells = [CELLS[0], Cell(model="m", method="full"), CELLS[1]]
    train_all(cells, script, 1, tmp_path, records.append, threading.Event())
    assert [(record.cell, record.status) for record in records] == [
        (cells[0], "ok"),
        (cells[1], "error"),
        (cells[2], "ok"),
    ]
    assert records[1].error == "the worker ended with exit code 7; see workers.log"
    assert "it says why" in (tmp_path / "workers.log").read_text()


def test_a_worker_that_is_killed_has_run_out_of_memory(script: Path, tmp_path: Path) -> None:
    script.write_text(ECHO.replace("sys.exit(7)", "os.kill(os.getpid(), 9)"))
    records: list[Record] = []
    train_all([CELLS[0], Cell(model="m", method="full")], script, 1, tmp_path, records.append, threading.Event())
    assert [record.status for record in records] == ["ok", "oom"]


def test_workers_that_never_begin_are_said_once_and_no_cell_is_blamed(script: Path, tmp_path: Path) -> None:
    script.write_text("import no_such_module")
    records: list[Record] = []
    with pytest.raises(LadderscopeError, match=r"workers end before they have trained a cell: .*workers.log says why"):
        train_all(CELLS, script, 2, tmp_path, records.append, threading.Event())
    assert not records
    assert "no_such_module" in (tmp_path / "workers.log").read_text()


def test_a_record_that_cannot_be_kept_ends_the_run(script: Path, tmp_path: Path) -> None:
    kept: list[Record] = []

    def refuse(record: Record) -> None:
        kept.append(record)
        raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="disk is full"):
        train_all(CELLS, script, 1, tmp_path, refuse, threading.Event())
    assert len(kept) == 1
