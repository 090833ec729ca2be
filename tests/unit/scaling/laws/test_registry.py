"""Which laws there are, and which of them explain what."""

from pathlib import Path

import pytest

from ladderscope.errors import UnknownNameError
from ladderscope.scaling.laws import LAWS, axes_of, law_named, laws_for


def _names(response: str, *axes: str) -> list[str]:
    return [law.name for law in laws_for(response, axes)]


def test_a_law_is_found_by_its_name() -> None:
    assert law_named("rectified").formula == "L = E + B/(D_l + x^beta)"


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'chinchilla'"):
        law_named("chinchila")


def test_a_loss_against_one_predictor_has_four_candidates_whatever_it_is() -> None:
    expected = ["power", "power-offset", "rectified", "broken"]
    assert _names("loss", "C") == _names("loss", "D") == _names("loss", "x") == expected


def test_a_loss_against_rank_has_the_rank_law_too() -> None:
    assert "rank" in _names("loss", "R")


def test_a_loss_against_parameters_and_tokens_has_the_joint_laws_in_any_order_of_the_axes() -> None:
    expected = ["chinchilla", "chinchilla-shared", "kaplan", "multiplicative"]
    assert _names("loss", "N", "D") == _names("loss", "D", "N") == expected


def test_memory_has_laws_of_its_own() -> None:
    assert _names("memory", "S") == ["memory-linear"]
    assert _names("memory", "S", "N") == ["memory-length"]


def test_three_predictors_have_no_law() -> None:
    assert _names("loss", "N", "D", "R") == []


@pytest.mark.parametrize(
    ("law", "axes", "expected"),
    [
        ("power", ("C",), ("C",)),
        ("multiplicative", ("D", "R"), ("R", "D")),
        ("chinchilla", ("D", "N"), ("N", "D")),
        ("chinchilla", ("D", "C"), None),
        ("multiplicative", ("N", "C"), None),
    ],
)
def test_axes_stand_where_the_law_wants_them(
    law: str, axes: tuple[str, ...], expected: tuple[str, ...] | None
) -> None:
    assert axes_of(law_named(law), axes) == expected


@pytest.mark.parametrize("name", LAWS)
def test_a_law_says_what_it_is(name: str) -> None:
    law = LAWS[name]
    assert all(p.name in law.formula and p.unit and p.meaning for p in law.parameters)
    assert law.source
    assert law.slope is None or law.slope in law.names


def test_the_page_of_the_laws_has_all_of_them_with_their_formulas() -> None:
    page = (Path(__file__).parents[4] / "docs" / "scaling-laws.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `") and " = " in line]
    assert [tuple(row.split(" | ")[:2]) for row in rows] == [(f"| `{law.name}`", law.formula) for law in LAWS.values()]
