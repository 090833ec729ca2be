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


def test_a_worker_that_dies_is_said_with_its_cell_and_what_was_done_is_kept(script: Path, tmp_path: Path) -> None:
    records: list[Record] = []
    with pytest.raises(LadderscopeError, match=r"at m full .*exit code 7: run again"):
        train_all([CELLS[0], Cell(model="m", method="full")], script, 1, tmp_path, records.append, threading.Event())
    assert [record.cell for record in records] == CELLS[:1]
