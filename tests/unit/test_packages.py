"""Files out of packages, fetched with pip."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.packages import fetch_with_pip


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip that asks nobody."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that pip finds, with one in it."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    info = "wordlist-1.0.dist-info"
    with zipfile.ZipFile(folder / "wordlist-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("wordlist/words.txt", "a ladder")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: wordlist\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_an_installed_package_gives_its_file(shelf: Path, tmp_path: Path) -> None:
    path = fetch_with_pip("install", "wordlist==1.0", tmp_path / "to", "wordlist/words.txt", what="the words")
    assert path == tmp_path / "to" / "wordlist" / "words.txt"
    assert path.read_text() == "a ladder"


def test_a_package_without_the_file_is_refused(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(LadderscopeError, match=r"cannot fetch the words: .* failed \(no \*\.txt came\)"):
        fetch_with_pip("download", "wordlist==1.0", tmp_path / "to", "*.txt", what="the words")


def test_a_package_that_nobody_has_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(LadderscopeError) as error:
        fetch_with_pip("download", "wordlist==1.0", tmp_path / "to", "*.whl", what="the words", instead=", or wait")
    assert str(error.value).startswith("cannot fetch the words: `pip download wordlist==1.0` failed (")
    assert str(error.value).endswith("). Connect to a package index, or wait, and run again.")
    assert "\n" not in str(error.value)
