from __future__ import annotations

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.custom import CustomLaw
from ladderscope.scaling.predictors import default_predictors, predictors_of
from ladderscope.scaling.results.scaling_fit import AxisInfo


def axes(*names: str) -> dict[str, AxisInfo]:
    return {name: AxisInfo(name=name, label=name, unit="") for name in names}


@pytest.mark.parametrize(
    ("law", "present", "wanted", "found"),
    [
        ("power-offset", ("N", "D", "C"), None, ["C"]),
        ("power-offset", ("N", "D", "C"), ["D"], ["D"]),
        ("power-offset", ("steps",), None, ["steps"]),
        ("rank", ("C", "R"), None, ["R"]),
        ("rank", ("C", "R", "T"), ["T"], ["T"]),
        ("chinchilla", ("C", "D", "N"), None, ["N", "D"]),
        ("chinchilla", ("C", "D", "N"), ["D", "N"], ["N", "D"]),
        ("multiplicative", ("D", "R"), None, ["R", "D"]),
        ("multiplicative", ("C", "D", "N", "R"), ["D", "R"], ["R", "D"]),
        ("memory-linear", ("N", "S"), None, ["S"]),
        ("memory-length", ("S", "N"), None, ["N", "S"]),
    ],
)
def test_which_columns_stand_for_a_laws_predictors(
    law: str, present: tuple[str, ...], wanted: list[str] | None, found: list[str]
) -> None:
    assert predictors_of(law_named(law), axes(*present), wanted) == found


def test_a_predictor_that_is_missing_is_named_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="has no D: name its column with --columns D=COLUMN"):
        predictors_of(law_named("chinchilla"), axes("N", "C"), None)


@pytest.mark.parametrize(
    ("law", "present", "wanted", "message"),
    [
        (law_named("rank"), ("C", "N"), None, "has no R: name its column with --columns R=COLUMN, name another"),
        (law_named("power"), ("N", "D"), ["N", "D"], r"has 1 predictor \(x\), and --x names 2 \(N, D\): name 1"),
        (law_named("chinchilla"), ("C", "D", "N"), ["C"], "goes over N and D, and not over C: leave it out of --x"),
        (
            CustomLaw(lambda Q, a: a * Q),
            ("C",),
            None,
            "needs Q, and the table has no Q: name another predictor with --x",
        ),
    ],
)
def test_no_predictor_is_passed_over_in_silence(
    law: Law, present: tuple[str, ...], wanted: list[str] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        predictors_of(law, axes(*present), wanted)


def test_a_law_of_ones_own_goes_over_the_column_of_its_arguments_name_or_over_the_one_asked_for() -> None:
    law = CustomLaw(lambda steps, a: a * steps)

    assert predictors_of(law, axes("C", "steps"), None) == ["steps"]
    assert predictors_of(law, axes("C", "D"), ["D"]) == ["D"]
    assert predictors_of(CustomLaw(lambda x, a: a * x), axes("D"), None) == ["D"]


def test_an_unknown_predictor_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'steps'"):
        predictors_of(law_named("power"), axes("steps"), ["step"])


@pytest.mark.parametrize(
    ("present", "response", "found"),
    [
        (("N", "D", "C"), "loss", ("C",)),
        (("N", "D", "T"), "loss", ("N", "D")),
        (("N", "C", "S"), "memory", ("S",)),
        (("steps",), "loss", ("steps",)),
    ],
)
def test_what_a_choice_of_law_goes_over_by_itself(
    present: tuple[str, ...], response: str, found: tuple[str, ...]
) -> None:
    assert default_predictors(axes(*present), response) == found


def test_a_table_without_predictors_is_refused() -> None:
    with pytest.raises(UsageError, match="the table has no predictor"):
        default_predictors({}, "loss")
