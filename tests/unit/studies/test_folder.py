"""Studies on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.studies.folder import Study, find_studies, find_study


def test_folders_without_a_definition_are_no_studies(root: Path) -> None:
    assert [study.name for study in find_studies(root)] == ["tiny"]


def test_the_nearest_name_is_proposed(root: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'tiny'"):
        find_study(root, "tinny")


def test_a_folder_that_is_not_there_or_holds_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--studies"):
        find_studies(tmp_path / "absent")
    with pytest.raises(UsageError, match="holds no study"):
        find_study(tmp_path, "tiny")


def test_a_study_without_a_ledger_has_no_records(tiny: Study) -> None:
    assert tiny.records() == []


def test_an_analysis_that_is_missing_or_empty_is_named(tiny: Study) -> None:
    (tiny.folder / "analysis.py").write_text("")
    with pytest.raises(UsageError, match="must define `analyse"):
        tiny.analyse([])
    (tiny.folder / "analysis.py").unlink()
    with pytest.raises(UsageError, match=r"has no analysis\.py"):
        Study(tiny.folder, tiny.definition).analyse([])


def test_a_study_may_run_by_itself(tiny: Study) -> None:
    (tiny.folder / "run.py").write_text("def run(context):\n    context.say('running')\n")
    assert callable(tiny.own_run)
    (tiny.folder / "run.py").write_text("")
    with pytest.raises(UsageError, match="must define `run"):
        _ = tiny.own_run


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def analyse(records, bounds):\n    return 1 / 0\n",
            r"ZeroDivisionError: division by zero \(.*analysis\.py, line 2\)",
        ),
        ("def analyse(records, bounds)\n", r"SyntaxError"),
        ("from .absent import nothing\n", r"ModuleNotFoundError: .*absent"),
        ("def analyse(records, bounds):\n    return bounds['large']\n", r"KeyError: 'large'"),
        ("def analyse(records, bounds):\n    return 5\n", r"must give Findings, not int"),
    ],
)
def test_what_goes_wrong_in_an_analysis_is_one_sentence(code: str, message: str, tiny: Study) -> None:
    (tiny.folder / "analysis.py").write_text(code)
    with pytest.raises(UsageError, match=message) as failure:
        tiny.analyse([])
    assert "\n" not in str(failure.value)
