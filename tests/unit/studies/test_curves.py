"""The mean gap of two curves over the range that both have."""

from __future__ import annotations

import pytest

from ladderscope.studies.curves import mean_gap


def test_parallel_curves_are_as_far_apart_as_they_are_wherever_their_points_lie() -> None:
    line = [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)]
    other = [(-1.0, -0.5), (0.7, 1.2), (3.1, 3.6), (9.0, 9.5)]
    assert mean_gap(line, other) == pytest.approx(0.5)
    assert mean_gap(other, line) == pytest.approx(-0.5)


def test_all_places_count_alike_and_the_number_of_points_does_not() -> None:
    """A gap that grows from 0 to 2 has a mean of 1, with or without more points at its beginning."""
    flat = [(0.0, 0.0), (4.0, 0.0)]
    assert mean_gap([(0.0, 0.0), (4.0, 2.0)], flat) == pytest.approx(1.0)
    assert mean_gap([(0.0, 0.0), (0.4, 0.2), (0.8, 0.4), (4.0, 2.0)], flat) == pytest.approx(1.0)
    assert mean_gap([(4.0, 2.0), (0.0, 0.0)], flat) == pytest.approx(1.0)


def test_a_bend_of_either_curve_counts_exactly() -> None:
    bent = [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)]
    assert mean_gap(bent, [(0.0, 0.0), (2.0, 0.0)]) == pytest.approx(0.5)
    assert mean_gap([(0.5, 0.0), (1.5, 0.0)], bent) == pytest.approx(-0.75)


@pytest.mark.parametrize("other", [[], [(5.0, 1.0), (6.0, 1.0)], [(2.0, 1.0), (3.0, 1.0)], [(1.0, 1.0)]])
def test_without_a_shared_range_there_is_none(other: list[tuple[float, float]]) -> None:
    assert mean_gap([(0.0, 1.0), (2.0, 1.0)], other) is None
    assert mean_gap(other, [(0.0, 1.0), (2.0, 1.0)]) is None
