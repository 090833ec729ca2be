"""What is said of fitting a card: counted as the rule counts, with the clause that decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ladderscope.studies.folder import Study, find_study

from ..loaded import modules_of

YES, NO, FP32_ALONE = [True, True], [False, False], [True, False]


@pytest.fixture(scope="module")
def study() -> Study:
    return find_study(Path(__file__).parents[4] / "studies", "memory_7b_12gb")


@pytest.fixture(scope="module")
def verdicts(study: Study) -> Any:
    return modules_of(study)("verdicts")


def row(sixteenth: list[bool], eighth: list[bool], qlora: list[bool]) -> dict[str, list[bool]]:
    return {"ladder 1/16": sixteenth, "ladder 1/8": eighth, "qlora": qlora}


def test_ladder_must_fit_in_both_dtypes_and_qlora_in_either(verdicts: Any) -> None:
    said = verdicts.fits_sentence({"a": row(FP32_ALONE, YES, FP32_ALONE), "b": row(YES, YES, NO)})
    assert "room for 1 of 2 models (b) with a Ladder of a sixteenth of the width and 2 of 2 models with one of" in said
    assert said.endswith("and in either dtype for 1 of 2 models (a) with QLoRA.")


@pytest.mark.parametrize(
    ("fits", "clause"),
    [
        (row(YES, YES, FP32_ALONE), "QLoRA fits on a"),
        (row(NO, NO, NO), "a Ladder of a sixteenth does not fit on a"),
        (row(YES, NO, NO), "Ladder's two widths disagree on a"),
        (row(YES, FP32_ALONE, NO), "Ladder's two dtypes disagree on a"),
    ],
)
def test_what_stands_against_the_claim(verdicts: Any, fits: dict[str, list[bool]], clause: str) -> None:
    assert verdicts.against("a", fits) == clause


def test_the_study_names_the_model_that_decides(study: Study) -> None:
    (verdict,) = [one for one in study.analyse(study.records()).verdicts if one.claim == "fits-12gb"]
    assert verdict.answer == "cannot tell"
    for text in (verdict.found, verdict.why):
        assert text.endswith("What decides: Ladder's two widths disagree on qwen2.5-7b.")
