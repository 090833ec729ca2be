"""Entries whose tests are gone: named, and removed by an update, but never where tests were left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from ladderscope.regression import update_file
from tests.unit.regression.pytest_plugin.conftest import HEADER, Run

MARKED = "@pytest.mark.memory_baseline\n"
BOTH = (
    MARKED + "def test_one():\n    need(1)\n" + MARKED + "class TestAll:\n    def test_two(self):\n        need(2)\n"
)
RENAMED = BOTH.replace("test_two", "test_renamed")
UPDATE = "--ladderscope-update"
ONE, TWO, OTHER = "test_it.py::test_one", "test_it.py::TestAll::test_two", "tests/test_other.py::test_other"


@pytest.fixture(autouse=True)
def _both(run: Run, pytester: pytest.Pytester) -> None:
    """Two files, with entries of all three tests."""
    (pytester.path / "tests").mkdir()
    other = HEADER + MARKED + "def test_other():\n    need(3)\n"
    (pytester.path / "tests" / "test_other.py").write_text(other)
    run(BOTH, UPDATE).assert_outcomes(passed=3)


def _names(baseline: Path) -> set[str]:
    return set(json.loads(baseline.read_text())["tests"])


def test_a_session_names_entries_without_a_test_and_an_update_removes_them(run: Run, baseline: Path) -> None:
    gone = BOTH.replace("test_two", "check_two")
    result = run(gone)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            f"no such test: {TWO}",
            "1 entry of the baseline has no test with memory_baseline any more: remove that with pytest *-update.",
        ]
    )
    assert _names(baseline) == {ONE, TWO, OTHER}
    update = run(RENAMED, UPDATE)
    update.stdout.fnmatch_lines(
        [
            "ladderscope-baseline.json: 1 new test, 0 changed, 2 unchanged, 1 removed.",
            "new: test_it.py::TestAll::test_renamed",
            f"removed: {TWO}",
        ]
    )
    assert _names(baseline) == {ONE, "test_it.py::TestAll::test_renamed", OTHER}


def test_an_update_removes_though_nothing_is_to_be_added(run: Run, baseline: Path) -> None:
    result = run(BOTH.replace(MARKED, ""), UPDATE, "test_it.py")
    result.stdout.fnmatch_lines(["*json: 0 new tests, 0 changed, 0 unchanged, 2 removed.", f"removed: {ONE}"])
    assert _names(baseline) == {OTHER}


@pytest.mark.parametrize(
    "args",
    [
        ("-k", "one"),
        ("--deselect", "test_it.py::test_one"),
        ("test_it.py::test_one",),
        ("tests",),
        ("--ignore", "test_it.py"),
        ("-p", "cacheprovider", "--lf"),
        ("--collect-only",),
        ("-x", "-o", "python_files=also.py test_*.py"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("option", [(), (UPDATE,)], ids=["", "update"])
def test_where_tests_were_left_out_entries_stay_and_nothing_is_said(
    run: Run, baseline: Path, pytester: pytest.Pytester, args: tuple[str, ...], option: tuple[str, ...]
) -> None:
    if "-x" in args:
        (pytester.path / "also.py").write_text("def test_fails():\n    assert False\n")
    if "--lf" in args:  # which passes over test_it.py, and calls it collected
        cache = pytester.path / ".pytest_cache" / "v" / "cache"
        cache.mkdir(parents=True)
        (cache / "lastfailed").write_text(json.dumps({OTHER: True}))
    result = run(RENAMED, *args, *option)
    for line in ("*no such test*", "*any more*", "*removed*"):
        result.stdout.no_fnmatch_line(line)
    assert _names(baseline) >= {ONE, TWO, OTHER}


def test_a_file_that_cannot_be_collected_keeps_its_entries(run: Run, baseline: Path) -> None:
    skipped = run("pytest.skip('not here', allow_module_level=True)\n", UPDATE)
    skipped.assert_outcomes(passed=1, skipped=1)
    assert _names(baseline) == {ONE, TWO, OTHER}


def test_a_file_that_is_gone_from_where_was_looked_loses_its_entries(
    run: Run, baseline: Path, pytester: pytest.Pytester
) -> None:
    (pytester.path / "tests" / "test_other.py").rename(pytester.path / "tests" / "test_moved.py")
    run(None, UPDATE, "test_it.py").assert_outcomes(passed=2)
    assert _names(baseline) == {ONE, TWO, OTHER}
    result = run(None, UPDATE, "tests")
    result.stdout.fnmatch_lines([f"removed: {OTHER}"])
    assert _names(baseline) == {ONE, TWO, "tests/test_moved.py::test_other"}


@pytest.mark.slow
def test_under_xdist_it_is_the_same(run: Run, baseline: Path) -> None:
    xdist = ("-p", "xdist", "-n", "1")
    run(RENAMED, *xdist, "-k", "one", UPDATE).stdout.no_fnmatch_line("*removed*")
    run(None, *xdist).stdout.fnmatch_lines([f"no such test: {TWO}"])
    run(None, *xdist, UPDATE).stdout.fnmatch_lines([f"removed: {TWO}"])
    assert _names(baseline) == {ONE, "test_it.py::TestAll::test_renamed", OTHER}


def test_what_others_write_meanwhile_stays(run: Run, baseline: Path) -> None:
    """Another session takes an entry, and somebody sets a threshold, while this one runs."""
    writes = """
import json, pathlib
def test_meanwhile():
    path = pathlib.Path("ladderscope-baseline.json")
    values = json.loads(path.read_text())
    values["tests"]["elsewhere/test_b.py::test_b"] = values["tests"]["test_it.py::test_one"]
    path.write_text(json.dumps({**values, "fail_on": {"peak_allocated": "3%"}}))
"""
    run(BOTH.replace("need(1)", "need(4)") + writes, UPDATE, "test_it.py", "tests").assert_outcomes(passed=4)
    values = json.loads(baseline.read_text())
    assert set(values["tests"]) == {ONE, TWO, OTHER, "elsewhere/test_b.py::test_b"}
    assert values["fail_on"] == {"peak_allocated": "3%"}
    assert values["tests"][ONE]["metrics"]["peak_allocated"] == 4 * 2**20


def test_an_update_waits_for_another_one_to_end(run: Run, baseline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_file, "LONGEST_WAIT", 0.01)
    before = baseline.read_bytes()
    with FileLock(update_file.lock_of(baseline)):
        result = run(RENAMED, UPDATE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["ERROR: another run is writing to *"])
    assert baseline.read_bytes() == before
