"""Changes of a baseline side by side: none is lost."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ladderscope.errors import BaselineError, UsageError
from ladderscope.regression.baseline import Baseline, read_baseline, write_baseline
from ladderscope.regression.update_file import lock_of, update_file

from .conftest import entry

HOLD = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n print('held', flush=True)\n sys.stdin.read()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ladderscope-baseline.json"


def adding(name: str, seconds: float = 0) -> Callable[[Baseline], Baseline]:
    """A change that adds a cell, and takes its time over it."""

    def change(old: Baseline) -> Baseline:
        time.sleep(seconds)
        return dataclasses.replace(old, cells={**old.cells, name: entry(name=name)})

    return change


def test_what_is_in_the_file_now_is_changed_and_returned(path: Path) -> None:
    write_baseline(path, Baseline(tests={"t": entry(name="t")}, fail_on={"flops": "1%"}))
    now, changed = update_file(path, adding("a"))
    assert changed
    assert now == read_baseline(path)
    assert (list(now.cells), list(now.tests), dict(now.fail_on)) == (["a"], ["t"], {"flops": "1%"})


def test_no_change_is_none(path: Path) -> None:
    update_file(path, adding("a"))
    assert update_file(path, adding("a")) == (read_baseline(path), False)


def test_where_there_is_no_file_an_empty_one_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "b.json"
    assert update_file(path, adding("a")) == (Baseline(cells={"a": entry(name="a")}), True)
    assert read_baseline(path).cells.keys() == {"a"}


def test_changes_side_by_side_are_all_kept(path: Path) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    names = [str(number) for number in range(12)]
    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(lambda f, name: update_file(f, adding(name, seconds=0.01)), [path, link] * 6, names))
    assert read_baseline(path).cells.keys() == set(names)


def test_a_change_that_fails_leaves_the_file_and_no_lock(path: Path) -> None:
    update_file(path, adding("a"))
    with pytest.raises(ZeroDivisionError):
        update_file(path, lambda old: 1 / 0)  # type: ignore[arg-type,return-value]
    assert update_file(path, adding("b"))[0].cells.keys() == {"a", "b"}


def test_a_process_that_does_not_end_writing_is_told_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladderscope.regression.update_file.LONGEST_WAIT", 0.1)
    command = [sys.executable, "-c", HOLD, str(lock_of(path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=r"another run is writing to .*: wait for it"):
            update_file(path, adding("a"))
        process.communicate()
    assert not path.exists()
    assert update_file(path, adding("a"))[1]


def test_a_broken_file_is_not_replaced(path: Path) -> None:
    path.write_text("<<<<<<< ours\n")
    with pytest.raises(BaselineError, match="restore it from version control"):
        update_file(path, adding("a"))
    assert path.read_text() == "<<<<<<< ours\n"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Not a directory"):
        update_file(tmp_path / "file" / "b.json", adding("a"))
