"""The file of a baseline: the same for the same entries, and refused in a sentence where it makes no sense."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ladderscope.cli.check import DEFAULT_BASELINE
from ladderscope.errors import BaselineError, CannotMeasureError, UsageError
from ladderscope.regression.baseline import (
    FILE_NAME,
    SCHEMA_VERSION,
    Baseline,
    read_baseline,
    text_of,
    write_baseline,
)
from ladderscope.regression.limits import DEFAULT_FAIL_ON

from .conftest import entry

NAMES = ["b, measured on a CPU", "a", 'tests/x.py::test["é 模 \\ \n"]', "A", "a{0-3}", ""]

NO_JSON = [b"", b"{", b"\xff\xfe{}", b"<<<<<<< ours\n{}\n=======\n", b'{"schema_version": 1,}', b"[" * 100_000]
NO_JSON += [b'{"schema_version": 1} {}', b'{"schema_version": ' + b"1" * 5000 + b"}"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ladderscope-baseline.json"


def baseline(**parts: Any) -> Baseline:
    cells = {name: entry(name=name) for name in NAMES}
    tests = {name: entry(name=name, settings={}, metrics={"peak_allocated": 5}) for name in NAMES[:2]}
    return Baseline(**{"cells": cells, "tests": tests, **parts})


class TestText:
    def test_a_round_trip_is_the_same_to_the_byte(self, path: Path) -> None:
        assert write_baseline(path, baseline())
        read = read_baseline(path)
        assert read == baseline()
        assert text_of(read) == path.read_text(encoding="utf-8")

    def test_entries_are_sorted_whatever_order_they_came_in(self) -> None:
        values = json.loads(text_of(baseline()))
        assert list(values) == ["about", "schema_version", "fail_on", "cells", "tests"]
        assert list(values["cells"]) == sorted(NAMES)
        backwards = {name: entry(name=name) for name in reversed(NAMES)}
        limits = dict(reversed(DEFAULT_FAIL_ON.items()))
        assert text_of(baseline(cells=backwards, fail_on=limits)) == text_of(baseline())

    def test_it_is_for_people_a_line_for_each_number_and_short_parts_on_one(self) -> None:
        lines = text_of(Baseline(cells={"a": entry(name="a")})).splitlines()
        assert '    "peak_allocated": 100,' in lines
        assert '     "side_network.blocks.{0-3}: mul.Tensor": 8' in lines
        assert '   "versions": {"ladderscope": "1.0", "torch": "2.13.0"}' in lines
        assert any("fail_on is yours to edit" in line for line in lines)
        assert text_of(Baseline()).endswith("}\n")

    def test_it_is_json_with_names_as_they_are(self) -> None:
        text = text_of(baseline())
        assert "é 模" in text
        assert json.loads(text)["schema_version"] == SCHEMA_VERSION

    def test_a_name_that_no_text_file_can_hold_comes_back_too(self, path: Path) -> None:
        name = os.fsdecode(b"/models/caf\xe9")  # a folder named in Latin-1
        written = Baseline(cells={name: entry(name=name, settings={"model": name})})
        write_baseline(path, written)
        assert read_baseline(path) == written

    def test_an_empty_one_has_limits_and_nothing_to_check(self, path: Path) -> None:
        write_baseline(path, Baseline())
        assert json.loads(path.read_text())["fail_on"] == DEFAULT_FAIL_ON
        assert read_baseline(path) == Baseline()

    def test_no_limits_at_all_is_kept_as_such(self, path: Path) -> None:
        write_baseline(path, baseline(fail_on={}))
        assert read_baseline(path).fail_on == {}


class TestWriting:
    def test_it_says_whether_the_file_changed_and_leaves_it_alone_if_not(self, path: Path) -> None:
        assert write_baseline(path, baseline()) is True
        os.utime(path, (1, 1))
        assert write_baseline(path, baseline()) is False
        assert path.stat().st_mtime == 1
        assert write_baseline(path, baseline(tests={})) is True

    def test_line_ends_of_another_system_are_no_change(self, path: Path) -> None:
        write_baseline(path, baseline())
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        assert write_baseline(path, baseline()) is False
        assert read_baseline(path) == baseline()

    @pytest.mark.parametrize("old", [b"", b"\xff\xfe not text", b"<<<<<<< ours\n"])
    def test_a_broken_file_is_replaced(self, path: Path, old: bytes) -> None:
        path.write_bytes(old)
        assert write_baseline(path, baseline()) is True
        assert read_baseline(path) == baseline()

    def test_folders_are_made_and_nothing_else_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "b.json"
        assert write_baseline(path, baseline())
        assert os.listdir(path.parent) == ["b.json"]

    def test_an_interruption_leaves_the_old_file_whole(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_baseline(path, baseline())
        old = path.read_bytes()

        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", interrupted)
            with pytest.raises(KeyboardInterrupt):
                write_baseline(path, Baseline())
        assert path.read_bytes() == old
        assert os.listdir(path.parent) == [path.name]

    def test_where_nothing_can_be_written_the_option_is_named(self, path: Path) -> None:
        path.mkdir()
        with pytest.raises(UsageError, match=re.escape(f"cannot write {path}: ") + ".* another --baseline"):
            write_baseline(path, baseline())


class TestReading:
    def test_without_a_file_nothing_can_be_measured(self, path: Path) -> None:
        with pytest.raises(CannotMeasureError, match=r"no baseline .* make one with --update") as error:
            read_baseline(path)
        assert error.value.exit_code == 3

    def test_a_folder_is_wrong_use(self, path: Path) -> None:
        path.mkdir()
        with pytest.raises(BaselineError, match=r"cannot read the baseline .*: Is a directory") as error:
            read_baseline(path)
        assert error.value.exit_code == 2

    @pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
    def test_what_is_not_json_is_to_be_restored(self, path: Path, text: bytes) -> None:
        path.write_bytes(text)
        with pytest.raises(BaselineError, match=r"is not JSON .* restore it from version control"):
            read_baseline(path)

    @pytest.mark.parametrize("values", [[], None, 5, "x", {}, {"cells": {}}])
    @pytest.mark.parametrize("version", [None, "1", 1.0, True, 0, -1])
    def test_other_json_is_no_baseline(self, path: Path, values: Any, version: Any) -> None:
        path.write_text(json.dumps({**values, "schema_version": version} if isinstance(values, dict) else values))
        with pytest.raises(BaselineError, match="has no schema_version, so it is not a baseline of ladderscope"):
            read_baseline(path)

    def test_one_of_a_newer_ladderscope_says_so_before_anything_else(self, path: Path) -> None:
        path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "surprise": 1, "cells": 5}))
        with pytest.raises(BaselineError, match="schema version 2 and this ladderscope reads up to 1; upgrade"):
            read_baseline(path)

    @pytest.mark.parametrize("part", ["cell", "Cells", "failon", "fail-on"])
    def test_unknown_parts_are_refused(self, path: Path, part: str) -> None:
        path.write_text(json.dumps({"schema_version": 1, part: {}}))
        with pytest.raises(BaselineError, match=f"unknown part '{part}'"):
            read_baseline(path)

    @pytest.mark.parametrize("part", ["cells", "tests", "fail_on"])
    @pytest.mark.parametrize("value", [None, [], "x", 0])
    def test_parts_are_objects(self, path: Path, part: str, value: Any) -> None:
        path.write_text(json.dumps({"schema_version": 1, part: value}))
        with pytest.raises(BaselineError, match="cells, tests and fail_on must be objects"):
            read_baseline(path)

    def test_a_wrong_entry_is_named_with_the_file(self, path: Path) -> None:
        values = json.loads(text_of(baseline()))
        values["cells"]["a"]["metrics"]["peak_alocated"] = 5
        path.write_text(json.dumps(values))
        with pytest.raises(
            BaselineError, match=rf"{path}: metrics of its entry 'a': .* did you mean 'peak_allocated'\?$"
        ):
            read_baseline(path)

    @pytest.mark.parametrize(
        ("fail_on", "what"),
        [
            ({"peak_alocated": "0"}, "unknown metric 'peak_alocated': did you mean 'peak_allocated'"),
            ({"peak_allocated": "-1"}, "'-1' does not say how much peak_allocated may grow"),
            ({"peak_allocated": None}, "'None' does not say how much"),
            ({"peak_allocated": "nan%"}, "'nan%' does not say how much"),
            ({"peak_allocated": "0", "peak-allocated": "9 GiB"}, "peak_allocated is there twice"),
        ],
    )
    def test_a_threshold_that_makes_no_sense_is_wrong_use(self, path: Path, fail_on: Any, what: str) -> None:
        path.write_text(json.dumps({"schema_version": 1, "fail_on": fail_on}))
        with pytest.raises(UsageError, match=f"fail_on in the baseline .*: {what}") as error:
            read_baseline(path)
        assert error.value.exit_code == 2

    def test_thresholds_are_texts_under_the_names_of_metrics(self, path: Path) -> None:
        path.write_text('{"schema_version": 1, "fail_on": {"peak-allocated": 0, "activations": " 2 % "}}')
        assert read_baseline(path).fail_on == {"peak_allocated": "0", "activations": "2 %"}

    def test_without_fail_on_the_defaults_hold(self, path: Path) -> None:
        path.write_text('{"schema_version": 1}')
        assert read_baseline(path).fail_on == DEFAULT_FAIL_ON

    def test_both_sides_of_a_merge_are_not_silently_one(self, path: Path) -> None:
        text = text_of(baseline())
        path.write_text(text.replace('"peak_allocated": 100,', '"peak_allocated": 100,\n"peak_allocated": 900,', 1))
        with pytest.raises(BaselineError, match="it has 'peak_allocated' twice"):
            read_baseline(path)

    def test_a_mark_in_front_of_utf_8_is_passed_over(self, path: Path) -> None:
        path.write_text(text_of(baseline()), encoding="utf-8-sig")
        assert read_baseline(path) == baseline()

    def test_what_was_reformatted_is_read_and_written_as_it_was(self, path: Path) -> None:
        def backwards(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            return {key: backwards(part) for key, part in reversed(value.items())}

        path.write_text(json.dumps(backwards(json.loads(text_of(baseline())))))
        assert text_of(read_baseline(path)) == text_of(baseline())


def test_the_command_has_the_name_of_this_room_for_the_file() -> None:
    assert DEFAULT_BASELINE == FILE_NAME
