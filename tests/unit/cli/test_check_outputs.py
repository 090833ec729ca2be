"""Outputs of a check when something is wrong with one of them: the others are written, and the verdict stands."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ladderscope.cli.check_outputs import Outputs
from ladderscope.cli.patient_console import PatientConsole
from ladderscope.errors import UsageError
from ladderscope.regression.verdict import CheckResult
from tests.unit.regression.verdicts import failure, make_result, regression, unchanged

RESULTS = [(make_result(unchanged()), 0), (make_result(regression()), 1), (make_result(failure()), 3)]
IN_PROCESS = """
import sys
from tests.unit.cli.test_check_outputs import Outputs, PatientConsole, RESULTS
outputs = Outputs(sys.argv[1] == "json", None, None, github=True)
sys.exit(outputs.write_check(RESULTS[1][0], PatientConsole(highlight=False)))
"""


@pytest.fixture(autouse=True)
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the files that GitHub's runner names."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    return tmp_path


def write(outputs: Outputs, result: CheckResult) -> int:
    return outputs.write_check(result, PatientConsole(highlight=False))


class TestFiles:
    @pytest.mark.parametrize(("result", "code"), RESULTS)
    def test_one_that_fails_leaves_the_verdict_and_the_others(
        self, runner: Path, capsys: pytest.CaptureFixture[str], result: CheckResult, code: int
    ) -> None:
        (runner / "full").write_text("no folder")
        markdown, junit = runner / "full" / "a.md", runner / "a.xml"
        assert write(Outputs(False, markdown, junit, github=True), result) == (code or 2)
        captured = capsys.readouterr()
        assert captured.err == f"Error: cannot write {markdown}: File exists. Choose another --markdown.\n"
        assert captured.out.count("::error title=Memory check::cannot write ") == 1
        assert junit.read_text().startswith("<?xml")
        assert (runner / "summary").read_text().startswith("### Memory check")
        assert f"exit-code={code}\n" in (runner / "outputs").read_text()

    def test_every_one_that_fails_is_told(self, runner: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (runner / "full").write_text("no folder")
        outputs = Outputs(False, runner / "full" / "a.md", runner / "full" / "a.xml", github=False)
        assert write(outputs, RESULTS[1][0]) == 1
        first, second = capsys.readouterr().err.splitlines()
        assert first.endswith("Choose another --markdown.")
        assert second.endswith("Choose another --junit.")

    def test_those_of_github_come_before_files(self, runner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[bool] = []
        monkeypatch.setattr(
            "ladderscope.cli.check_outputs.write_atomically",
            lambda *_, **__: seen.append((runner / "outputs").exists() and (runner / "summary").exists()),
        )
        write(Outputs(False, runner / "a.md", runner / "a.xml", github=True), RESULTS[1][0])
        assert seen == [True, True]

    def test_one_of_github_that_fails_leaves_the_others(
        self, runner: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(runner))
        assert write(Outputs(True, runner / "a.md", None, github=True), RESULTS[1][0]) == 1
        assert "Error: cannot write GITHUB_STEP_SUMMARY: Is a directory." in capsys.readouterr().err
        assert (runner / "a.md").exists()
        assert "regressions=1\n" in (runner / "outputs").read_text()

    @pytest.mark.parametrize(("result", "code"), RESULTS)
    def test_an_error_that_nobody_thought_of_is_no_regression_and_hides_none(
        self,
        runner: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        result: CheckResult,
        code: int,
    ) -> None:
        def fail(*_: object) -> str:
            raise ZeroDivisionError("a {slip}")

        monkeypatch.setattr("ladderscope.cli.check_outputs.junit_of", fail)
        assert write(Outputs(False, runner / "a.md", runner / "a.xml", github=False), result) == (code or 3)
        error = capsys.readouterr().err
        assert "Traceback" in error
        assert "an output of the check could not be made (ZeroDivisionError: a {slip})." in error
        assert (runner / "a.md").exists()


class TestRefusing:
    @pytest.mark.parametrize("name", ["n" * 300, "n" * 300 + "/a.md", "folder", "file/a.md", "file/b/a.md"])
    def test_what_cannot_be_written_is_found_out_before_anything_runs(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("")
        with pytest.raises(UsageError, match=r"^cannot write .*: .*\. Give the name of a file in a folder that can"):
            Outputs(False, tmp_path / name, None, github=False).refuse_unwritable()

    @pytest.mark.parametrize("name", ["a.md", "new/folder/a.md", "file", "link", "/dev/null"])
    def test_what_can_be_written_is_not_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").write_text("")
        (tmp_path / "link").symlink_to("new/target")
        Outputs(False, None, tmp_path / name, github=False).refuse_unwritable()


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A standard output that nobody reads any more, as after ``| head -1``."""
    read, written = os.pipe()
    os.close(read)
    with io.TextIOWrapper(os.fdopen(written, "wb"), encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        yield


class TestStandardOutput:
    @pytest.mark.usefixtures("unread")
    @pytest.mark.parametrize("as_json", [False, True])
    @pytest.mark.parametrize(("result", "code"), RESULTS)
    def test_that_nobody_reads_changes_nothing(
        self, runner: Path, capfd: pytest.CaptureFixture[str], as_json: bool, result: CheckResult, code: int
    ) -> None:
        assert write(Outputs(as_json, runner / "a.md", None, github=True), result) == code
        assert (runner / "a.md").exists()
        assert (runner / "outputs").exists()
        assert not [line for line in capfd.readouterr().err.splitlines() if not line.startswith("::")]

    @pytest.mark.usefixtures("unread")
    def test_of_an_update_neither(self) -> None:
        outputs = Outputs(False, None, None, github=False)
        console = PatientConsole(highlight=False)
        assert outputs.write_update(make_result(regression(), is_update=True), console, written=True) == 0

    @pytest.mark.parametrize("kind", ["json", "table"])
    def test_a_whole_process_ends_with_the_verdict_and_says_nothing_of_it(self, kind: str) -> None:
        command = [sys.executable, "-c", IN_PROCESS, kind]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            error = process.stderr.read()
        assert process.returncode == 1
        assert [line for line in error.splitlines() if not line.startswith("::")] == []

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
    @pytest.mark.parametrize("kind", ["json", "table"])
    def test_a_full_disk_is_told_and_does_not_hide_a_regression(self, runner: Path, kind: str) -> None:
        with Path("/dev/full").open("w") as full:
            command = [sys.executable, "-c", IN_PROCESS, kind]
            ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert ended.returncode == 1
        assert "Error: cannot write to standard output: No space left on device." in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "regressions=1\n" in (runner / "outputs").read_text()


def test_json_of_an_interrupted_check_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    result = make_result(unchanged(), is_interrupted=True, not_run=["b"])
    assert write(Outputs(True, None, None, github=False), result) == 130
    assert json.loads(capsys.readouterr().out)["not_run"] == ["b"]
