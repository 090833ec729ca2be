from __future__ import annotations

import pytest

from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.shares import accuracy_text, points, points_with_interval


def test_shares_are_percent_and_their_differences_points() -> None:
    assert accuracy_text(0.8804) == "88.0%"
    gap = MeanInterval(-0.0875, -0.293, 0.109, 600)
    assert points_with_interval(gap, 0.95) == "-8.8 points (95% interval -29.3 to +10.9)"


def test_an_interval_of_all_that_there_is_is_said_in_words() -> None:
    assert points_with_interval(MeanInterval(-0.08, -1.0, 1.0, 2), 0.95) == "-8.0 points (95% interval without bounds)"
    assert points_with_interval(MeanInterval(-0.08, -1.0, 0.9, 2), 0.95).endswith("interval -100.0 to +90.0)")


@pytest.mark.parametrize(("difference", "text"), [(0.0, "+0.0"), (-0.0004, "+0.0"), (-0.0006, "-0.1"), (0.05, "+5.0")])
def test_nothing_has_no_minus(difference: float, text: str) -> None:
    assert points(difference) == text
