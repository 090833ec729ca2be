"""Equations of worked solutions are read, and checked."""

from __future__ import annotations

import pytest

from ladderscope.studies.answering.equations import equations_are_true


@pytest.mark.parametrize(
    "text",
    [
        "So he gets 11*3=33 letters a week",
        "There are 36 / 4 = 9 friends.\nThere are 5 * 9 = 45 friends.\n#### 45",
        "5 loaves of sourdough cost 5 * £4 = £20.",
        "There are 20 girls x 3 boys/girl = 60 boys in the park.",
        "It is 140 total students - 9 bake - 6 baseball - 12 play music = 113",
        "he earns £130/day * 28 days/month = £3640/month",
        "9 x 0.5 = 4.50, or 2 + 3 * 4 = 7 + 7 = 14",
        "the report is 120 pages x 1/4 = 30 pages.",
        "12 ÷ 12 = 1 times, and 1,999 + 1 = 2,000",
        "60 / 120 * 100% = 50%",
        "Mary = 266 points\nT = 4",
        "no equation at all",
    ],
)
def test_true_ones(text: str) -> None:
    assert equations_are_true(text)


@pytest.mark.parametrize(
    "text",
    [
        "€65.96 - €6.96 = €58",
        "David has 13*0.5=6 tubes of red paint",
        "First 2 + 2 = 4.\nThen 135 / 18 = 7 trays",
        "2 + 3 * 4 = 20",
        "1 + 1 = 2 = 3",
        "1 + 2 = 2 + 2 = 4",
        "3 / 0 = 0",
    ],
)
def test_false_ones(text: str) -> None:
    assert not equations_are_true(text)


@pytest.mark.parametrize(
    "text",
    [
        "Richard receives 14=14 emails",
        "the perimeter is 2(46+13) = 118",
        "13 meters * (1 meters / 1 meters) = 13 meters",
        "half * 136 wasps = 68 bees",
        "71 + T = 204",
        "10 - 4 = x",
    ],
)
def test_what_says_nothing_or_cannot_be_read_is_not_taken_for_true(text: str) -> None:
    assert not equations_are_true(text)
