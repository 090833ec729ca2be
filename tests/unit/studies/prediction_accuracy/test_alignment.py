from __future__ import annotations

import random

import pytest

from studies.prediction_accuracy.alignment import matching_pairs


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ([], [], []),
        ([1, 2, 3], [1, 2, 3], [(0, 0), (1, 1), (2, 2)]),
        ([1, 2, 3], [1, 3], [(0, 0), (2, 1)]),
        ([1, 9, 3], [1, 8, 3], [(0, 0), (2, 2)]),
        ([1, 2], [3, 4, 5], []),
        ([7, 1, 2, 3, 8], [1, 2, 3], [(1, 0), (2, 1), (3, 2)]),
    ],
)
def test_equal_numbers_are_matched_in_order(first: list[int], second: list[int], pairs: list[tuple[int, int]]) -> None:
    assert matching_pairs(first, second) == pairs


def test_no_matching_is_larger() -> None:
    numbers = random.Random(0)
    for _ in range(200):
        first, second = ([numbers.randrange(4) for _ in range(numbers.randrange(12))] for _ in range(2))
        pairs = matching_pairs(first, second)
        assert len(pairs) == _longest(first, second)
        assert all(first[i] == second[j] for i, j in pairs)
        assert pairs == sorted(pairs)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


def _longest(first: list[int], second: list[int]) -> int:
    """The textbook's table."""
    above = [0] * (len(second) + 1)
    for number in first:
        row = [0]
        for j, other in enumerate(second):
            row.append(above[j] + 1 if number == other else max(row[j], above[j + 1]))
        above = row
    return above[-1]
