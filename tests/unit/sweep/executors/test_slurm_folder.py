"""What is noted of arrays, and which records count."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell, Record
from ladderscope.sweep.executors.slurm_folder import SlurmFolder, read_record, write_record


@pytest.fixture
def folder(tmp_path: Path) -> SlurmFolder:
    return loaded(tmp_path / "run")


def loaded(root: Path) -> SlurmFolder:
    """As the next driver sees it."""
    folder = SlurmFolder(root)
    folder.load()
    return folder


def test_the_next_driver_finds_the_ids_of_what_was_submitted(folder: SlurmFolder, tmp_path: Path) -> None:
    folder.number(folder.note(["a", "b"], parallel=2), "7")
    folder.number(folder.note(["c"], parallel=1), "8")
    ids = [array.slurm_ids for array in loaded(tmp_path / "run").arrays.values()]
    assert ids == [{"a": "7_0", "b": "7_1"}, {"c": "8"}]


def test_a_job_is_noted_in_the_last_array_alone(folder: SlurmFolder, tmp_path: Path) -> None:
    folder.number(folder.note(["a", "b"], parallel=2), "7")
    folder.number(folder.note(["b", "c"], parallel=2), "8")
    ids = [array.slurm_ids for array in loaded(tmp_path / "run").arrays.values()]
    assert ids == [{"a": "7_0"}, {"b": "8_0", "c": "8_1"}]


def test_a_driver_that_died_between_two_notes_leaves_the_later_one_valid(folder: SlurmFolder, tmp_path: Path) -> None:
    old = folder.number(folder.note(["a", "b"], parallel=2), "7")
    path = tmp_path / "run" / "arrays" / f"{old.key}.json"
    text = path.read_text()
    folder.number(folder.note(["b"], parallel=1), "8")
    path.write_text(text)
    assert [array.slurm_ids for array in loaded(tmp_path / "run").arrays.values()] == [{"a": "7_0"}, {"b": "8"}]


def test_an_array_without_jobs_is_forgotten_unless_slurm_may_have_it_unknown_to_us(folder: SlurmFolder) -> None:
    numbered = folder.number(folder.note(["a"], parallel=1), "7")
    unnumbered = folder.note(["b"], parallel=1)
    folder.strike({"a", "b"})
    assert list(folder.arrays) == [unnumbered.key]
    assert numbered.key not in folder.arrays


def test_only_records_of_noted_jobs_count_and_others_are_removed(
    folder: SlurmFolder, tiny_cell: Callable[..., Cell]
) -> None:
    record = Record(cell=tiny_cell(), meter="cuda", status="ok")
    old, new = (folder.note(["a"], parallel=1) for _ in range(2))
    for array in (old, new):
        write_record(folder.record_path("a", array), record)
    foreign = folder.record_path("a", new).with_name("a.json")
    foreign.touch()
    assert folder.records() == [folder.record_path("a", new)]
    assert not folder.record_path("a", old).exists()
    assert foreign.exists()
    assert read_record(folder.record_path("a", new)) == record


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 1}'])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "record.json").write_text(content)
    assert read_record(tmp_path / "record.json") is None


def test_arrays_of_long_ago_are_forgotten_once_none_of_their_jobs_lives(folder: SlurmFolder, tmp_path: Path) -> None:
    for number in ("7", "8", "9"):
        folder.number(folder.note([number], parallel=1), number)
    for path in sorted((tmp_path / "run" / "arrays").iterdir())[:2]:
        os.utime(path, (0, 0))
    folder.drop_old({"8"})
    assert [array.slurm_id for array in folder.arrays.values()] == ["8", "9"]


def test_a_note_that_is_none_is_refused_by_name(folder: SlurmFolder, tmp_path: Path) -> None:
    (tmp_path / "run" / "arrays" / "0001-x.json").write_text("[]")
    with pytest.raises(UsageError, match=r"0001-x\.json is no note"):
        folder.load()
