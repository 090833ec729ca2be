from __future__ import annotations

from studies.gpu_validation.histories import History, Request
from studies.gpu_validation.matching import matched_requests


def history(*lives: tuple[int, int | None]) -> History:
    """Of requests by size and by what they are freed behind."""
    return History([Request(size, None, freed) for size, freed in lives], [])


def test_requests_of_one_size_are_told_apart_by_how_long_they_live() -> None:
    predicted = history((512, None), (512, 2), (512, 4), (512, 4))
    recorded = history((512, None), (512, 3), (512, 3))  # the second is missing
    assert matched_requests(recorded, predicted) == [(0, 0), (1, 2), (2, 3)]


def test_another_lifetime_costs_no_match() -> None:
    predicted = history((512, 1), (1024, 3), (2048, None))
    recorded = history((512, 3), (1024, 2), (2048, 3))
    assert matched_requests(recorded, predicted) == [(0, 0), (1, 1), (2, 2)]


def test_lifetimes_never_lead_to_fewer_matches_than_sizes_alone() -> None:
    predicted = history((1, 9), (2, 9), (3, 9), (4, 4))
    recorded = history((4, 1), (1, 7), (2, 7), (3, 7))
    assert matched_requests(recorded, predicted) == [(1, 0), (2, 1), (3, 2)]
