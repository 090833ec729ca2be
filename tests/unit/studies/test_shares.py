from __future__ import annotations

import pytest

from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.shares import accuracy_text, points, points_with_interval


def test_shares_are_percent_and_their_differences_points() -> None:
    assert accuracy_text(0.8804) == "88.0%"
    gap = MeanInterval(-0.0875, -0.293, 0.109, 600)
    assert points_with_interval(gap, 0.95) == "-8.8 points (95% interval -29.3 to +10.9)"


@pytest.mark.parametrize(("difference", "text"), [(0.0, "+0.0"), (-0.0004, "+0.0"), (-0.0006, "-0.1"), (0.05, "+5.0")])
def test_nothing_has_no_minus(difference: float, text: str) -> None:
    assert points(difference) == text
