from __future__ import annotations

import random

from studies.gpu_validation.joining import joined
from studies.prediction_accuracy.alignment import matching_pairs


def test_a_difference_moves_to_the_next_one() -> None:
    first, second = [1, 2, 9, 3], [1, 2, 2, 3]
    assert joined([(0, 0), (1, 2), (3, 3)], first, second) == [(0, 0), (1, 1), (3, 3)]


def test_on_either_side() -> None:
    first, second = [1, 2, 2, 3], [1, 2, 9, 3]
    assert joined([(0, 0), (2, 1), (3, 3)], first, second) == [(0, 0), (1, 1), (3, 3)]


def test_a_difference_that_meets_no_other_stays() -> None:
    alone = [(0, 0), (1, 2), (2, 3)]
    assert joined(alone, [1, 2, 3], [1, 2, 2, 3]) == alone
    at_the_end = [(0, 1)]
    assert joined(at_the_end, [2], [2, 2]) == at_the_end


def test_matches_are_neither_lost_nor_wrong() -> None:
    numbers = random.Random(1)
    for _ in range(300):
        first, second = ([numbers.randrange(3) for _ in range(numbers.randrange(15))] for _ in range(2))
        pairs = matching_pairs(first, second)
        found = joined(pairs, first, second)
        assert len(found) == len(pairs)
        assert found == sorted(found)
        assert all(first[i] == second[j] for i, j in found)
        assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)
