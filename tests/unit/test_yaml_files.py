from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.errors import UsageError
from ladderscope.yaml_files import read_mapping, read_mappings

TITLE, SHAPE = "the menu", "map dishes to prices"


@pytest.fixture
def menu(tmp_path: Path) -> Path:
    return tmp_path / "menu.yaml"


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_mapping(path, TITLE, SHAPE)
    return str(caught.value)


def test_a_mapping_is_read_as_yaml_has_it(menu: Path) -> None:
    menu.write_text("soup: 4.5\ncafé: [1, null]\n", encoding="utf-8")
    assert read_mapping(menu, TITLE, SHAPE) == {"soup": 4.5, "café": [1, None]}


def test_several_are_told_apart_by_dashes(menu: Path) -> None:
    menu.write_text("soup: 4\n---\nfish: 9\n", encoding="utf-8")
    assert read_mappings(menu, TITLE, SHAPE) == [{"soup": 4}, {"fish": 9}]


@pytest.mark.parametrize("text", ["", "- soup\n", "soup\n"])
def test_something_else_than_a_mapping_is_refused_with_what_is_wanted(menu: Path, text: str) -> None:
    menu.write_text(text, encoding="utf-8")
    assert refusal(menu) == f"the menu {menu} must map dishes to prices."
    with pytest.raises(UsageError, match="must map dishes to prices"):
        read_mappings(menu, TITLE, SHAPE)


def test_what_is_no_yaml_is_told_with_its_line(menu: Path) -> None:
    menu.write_text("soup: 4\nfish: [\n", encoding="utf-8")
    problem = "expected the node content, but found '<stream end>' (line 3)"
    assert refusal(menu) == f"the menu {menu} is not YAML: {problem}."


def test_bytes_that_are_no_text_are_refused_in_one_line(menu: Path) -> None:
    menu.write_bytes(b"soup: \xff\n")
    said = refusal(menu)
    assert said.startswith(f"the menu {menu} is not YAML: ")
    assert "\n" not in said


def test_a_file_that_is_not_there_is_named(menu: Path) -> None:
    assert refusal(menu) == f"cannot read the menu {menu}: No such file or directory."
