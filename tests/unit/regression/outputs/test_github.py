from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.regression.outputs.github import annotations_of, outputs_of
from ladderscope.regression.verdict import CheckResult, EntryVerdict
from tests.unit.regression.verdicts import (
    failure,
    improvement,
    make_entry,
    make_result,
    make_verdict,
    regression,
    unchanged,
)


def of_kind(kind: str, result: CheckResult) -> list[str]:
    return [line for line in annotations_of(result) if line.startswith(f"::{kind} ")]


class TestErrors:
    def test_a_regression_names_the_baseline_the_numbers_and_the_cause(self) -> None:
        (line,) = annotations_of(make_result(regression("lora")))
        head, _, message = line.removeprefix("::").partition("::")
        assert head == "error file=ladderscope-baseline.json,title=Memory regression%3A lora"
        assert message.startswith(
            "peak allocated (predicted): 262 MiB -> 264 MiB, +2.00 MiB (+0.76%25); allowed: 0%0A"
        )
        assert "+2.00 MiB side_network.blocks.3: clone (new)" in message

    def test_nine_at_most_the_worst_first_then_a_sum(self) -> None:
        verdicts = [regression(f"cell {number}", num_bytes=number * 2**20) for number in range(1, 13)]
        lines = annotations_of(make_result(*verdicts, failure(), unchanged()))
        assert len(lines) == 10
        assert [f"cell {number}::" in line for number, line in zip(range(12, 3, -1), lines, strict=False)] == [
            True
        ] * 9
        assert "4 entries more failed the check: 12 regressions, 1 could not be measured, 1 unchanged." in lines[9]

    def test_nine_fit_without_a_sum(self) -> None:
        assert len(annotations_of(make_result(*(regression(str(number)) for number in range(9))))) == 9

    def test_what_could_not_be_measured_or_compared_is_one_too(self, mixed: CheckResult) -> None:
        failed, missing = of_kind("error", mixed)[1:]
        assert "title=Not measured%3A b qlora 512 tokens::RuntimeError: no room%0Atraceback" in failed
        assert "add it with `ladderscope check --update`" in missing


class TestEscaping:
    NAME = "50% of a:b, c\r\nd"

    def test_properties_hold_no_separator_and_no_line_break(self) -> None:
        (line,) = annotations_of(make_result(failure(self.NAME, error="x")))
        assert line.endswith("title=Not measured%3A 50%25 of a%3Ab%2C c%0D%0Ad::x")

    def test_messages_keep_colons_and_commas(self) -> None:
        (line,) = annotations_of(make_result(failure("x", error=self.NAME)))
        assert line.endswith("::50%25 of a:b, c%0D%0Ad")

    def test_every_annotation_is_one_line(self, mixed: CheckResult) -> None:
        assert not [line for line in annotations_of(mixed) if "\n" in line or "\r" in line]


class TestPaths:
    def test_are_those_in_the_checkout(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
        monkeypatch.chdir(tmp_path / "sub")
        (line,) = annotations_of(make_result(failure()))
        assert line.startswith("::error file=sub/ladderscope-baseline.json,")
        elsewhere = CheckResult(tmp_path / "own.json", [failure()])
        assert annotations_of(elsewhere)[0].startswith("::error file=own.json,")

    @pytest.mark.parametrize(
        "given", ["../b.json", "./../b.json", "../pt/../b.json", "{root}/pt/../b.json", "link/b.json"]
    )
    def test_have_no_way_up_in_them(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str) -> None:
        root = tmp_path / "checkout"
        (root / "pt").mkdir(parents=True)
        (root / "pt" / "link").symlink_to(root)
        (tmp_path / "linked").symlink_to(root)
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "linked"))
        monkeypatch.chdir(root / "pt")
        (line,) = annotations_of(CheckResult(Path(given.format(root=root)), [failure()]))
        assert line.startswith("::error file=b.json,")

    def test_outside_of_the_checkout_are_as_given(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "checkout"))
        monkeypatch.chdir(tmp_path)
        (line,) = annotations_of(CheckResult(Path("a/../own.json"), [failure()]))
        assert line.startswith("::error file=own.json,")


def test_all_improvements_are_one_notice_that_asks_for_an_update() -> None:
    result = make_result(*(improvement(f"cell {number}") for number in range(7)))
    (line,) = annotations_of(result)
    assert line.startswith("::notice ")
    assert "Memory improved%3A 7 entries" in line
    assert "cell 0: peak allocated (predicted): 264 MiB -> 262 MiB" in line
    assert "2 entries more" in line
    assert "ladderscope check --update" in line


def test_what_no_longer_fits_is_an_error_whatever_its_numbers() -> None:
    verdict = make_verdict(make_entry(), make_entry(status="oom"))
    (line,) = annotations_of(make_result(verdict))
    assert line.startswith("::error ")
    assert "It no longer fits into the memory of rtx-3060-12gb (predicted)" in line


def test_a_check_without_findings_has_none() -> None:
    assert annotations_of(make_result(unchanged())) == []


def test_outputs_are_single_lines(mixed: CheckResult) -> None:
    assert outputs_of(mixed) == {
        "exit-code": "1",
        "entries": "5",
        "regressions": "1",
        "failed": "2",
        "improvements": "1",
        "worst": "a lora 512 tokens",
        "summary": "1 regression, 1 could not be measured, 1 not in the baseline, 1 improvement, 1 unchanged",
    }
    assert outputs_of(make_result(regression("two\nlines")))["worst"] == "two lines"
    assert outputs_of(make_result(EntryVerdict("a", "missing")))["exit-code"] == "3"


class TestInterruption:
    def test_is_an_error_that_names_what_was_not_run(self, interrupted: CheckResult) -> None:
        (line,) = annotations_of(interrupted)
        assert line.startswith("::error file=ladderscope-baseline.json,title=Memory check not complete::")
        assert line.endswith("::Interrupted: 2 entries not run: b | c; d.")

    def test_of_many_five_are_named(self) -> None:
        result = make_result(is_interrupted=True, not_run=[f"cell {number}" for number in range(9)])
        (line,) = annotations_of(result)
        assert line.endswith("9 entries not run: cell 0; cell 1; cell 2; cell 3; cell 4; 4 entries more.")

    def test_comes_before_the_regressions_that_were_found_by_then(self) -> None:
        result = make_result(*(regression(str(number)) for number in range(9)), is_interrupted=True, not_run=["x"])
        lines = annotations_of(result)
        assert len(lines) == 10
        assert "title=Memory check not complete::" in lines[0]

    def test_outputs_are_not_those_of_a_check_that_is_fine(self, interrupted: CheckResult) -> None:
        outputs = outputs_of(interrupted)
        assert outputs["exit-code"] == "130"
        assert outputs["summary"] == "1 unchanged, 2 not run"
