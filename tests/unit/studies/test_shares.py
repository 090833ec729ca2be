from __future__ import annotations

import pytest

from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.shares import ALL_ALIKE, accuracy_text, ends_of, points, points_with_interval


def test_shares_are_percent_and_their_differences_points() -> None:
    assert accuracy_text(0.8804) == "88.0%"
    gap = MeanInterval(-0.0875, -0.293, 0.109, 600)
    assert points_with_interval(gap, 0.95) == "-8.8 points (95% interval -29.3 to +10.9)"


def test_an_interval_of_all_that_there_is_is_said_in_words() -> None:
    assert points_with_interval(MeanInterval(-0.08, -1.0, 1.0, 2), 0.95) == "-8.0 points (95% interval without bounds)"
    assert points_with_interval(MeanInterval(-0.08, -1.0, 0.9, 2), 0.95).endswith("interval -100.0 to +90.0)")


@pytest.mark.parametrize("mean", [0.0, 0.1])
def test_an_interval_without_width_is_none(mean: float) -> None:
    """Everything right with all runs is no certainty that it stays so."""
    alike = MeanInterval(mean, mean, mean + 1e-17, 600)
    assert ends_of(alike) == ALL_ALIKE
    assert points_with_interval(alike, 0.95) == f"{points(mean)} points (all alike, so that no interval can be given)"
    assert ends_of(MeanInterval(mean, mean - 1e-4, mean + 1e-4, 600)) != ALL_ALIKE


@pytest.mark.parametrize(("difference", "text"), [(0.0, "+0.0"), (-0.0004, "+0.0"), (-0.0006, "-0.1"), (0.05, "+5.0")])
def test_nothing_has_no_minus(difference: float, text: str) -> None:
    assert points(difference) == text
