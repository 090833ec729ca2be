"""Files that are either whole or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.whole_files import write_atomically


def test_folders_are_made_and_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    write_atomically(path, "a")
    write_atomically(path, "b")
    assert path.read_text() == "b"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_link_stays_one_and_the_file_that_it_names_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(Path("there") / "target")
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert os.listdir(target.parent) == ["target"]


def test_a_link_to_what_is_not_there_makes_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_what_is_no_file_is_written_and_not_replaced(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(fifo, "for a reader")
        assert os.read(reader, 100) == b"for a reader"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_line_ends_are_those_of_the_text_on_every_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str] = []
    real = os.fdopen

    def fdopen(descriptor: int, mode: str) -> Any:
        modes.append(mode)
        return real(descriptor, mode)

    monkeypatch.setattr(os, "fdopen", fdopen)
    write_atomically(tmp_path / "a", "1\n2\r\n")
    assert (tmp_path / "a").read_bytes() == b"1\n2\r\n"
    assert modes == ["wb"]  # as text, Windows would turn every end


def test_the_text_is_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    synced: list[tuple[int, str]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, path.read_text()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, "the new text")
    assert synced == [(12, "old")]
    assert path.read_text() == "the new text"


def test_names_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("a" * 255), "x")
    assert os.listdir(tmp_path) == ["a" * 255]


@pytest.mark.parametrize("name", ["folder", "file/a", "n" * 300])
def test_what_cannot_be_written_is_a_sentence_with_the_option(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"^cannot write .*: .*\. Choose another --markdown\.$"):
        write_atomically(tmp_path / name, "x", option="--markdown")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
