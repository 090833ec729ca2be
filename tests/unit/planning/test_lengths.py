"""Order statistics, by hand and by counting every possible batch."""

from __future__ import annotations

import itertools

import pytest

from ladderscope.planning.lengths import Lengths

MOSTLY_SHORT = Lengths.of({10: 3, 20: 1})
"""F(10) = 3/4."""


def test_the_longest_of_two_draws_by_hand() -> None:
    assert MOSTLY_SHORT.chance_of_longer(10, draws=1) == pytest.approx(1 / 4)
    assert MOSTLY_SHORT.chance_of_longer(10, draws=2) == pytest.approx(7 / 16)
    assert MOSTLY_SHORT.expected_longest(draws=2) == pytest.approx((9 * 10 + 7 * 20) / 16)


@pytest.mark.parametrize(("chance", "draws", "length"), [(0.5, 1, 10), (0.5, 2, 10), (0.5, 3, 20), (0.99, 1, 20)])
def test_quantiles_are_the_least_length_that_is_likely_enough(chance: float, draws: int, length: int) -> None:
    assert MOSTLY_SHORT.quantile(chance, draws) == length


@pytest.mark.parametrize("draws", [1, 2, 3, 4])
def test_chances_and_means_are_those_of_all_batches(draws: int) -> None:
    rows = [3, 5, 5, 8, 13]
    lengths = Lengths.of({3: 1, 5: 2, 8: 1, 13: 1})
    longest = [max(batch) for batch in itertools.product(rows, repeat=draws)]
    assert lengths.expected_longest(draws) == pytest.approx(sum(longest) / len(longest))
    for limit in (2, 3, 4, 5, 8, 12, 13):
        expected = sum(length > limit for length in longest) / len(longest)
        assert lengths.chance_of_longer(limit, draws) == pytest.approx(expected)


@pytest.mark.parametrize(("limit", "chance"), [(0, 1.0), (9, 1.0), (20, 0.0), (99, 0.0)])
def test_what_is_certain_is_exactly_so(limit: int, chance: float) -> None:
    assert MOSTLY_SHORT.chance_of_longer(limit, draws=1000) == chance


def test_small_chances_keep_their_digits() -> None:
    lengths = Lengths.of({10: 10**15 - 1, 20: 1})
    assert lengths.chance_of_longer(10, draws=1) == pytest.approx(1e-15, rel=1e-9)
    assert lengths.chance_of_longer(10, draws=8000) == pytest.approx(8e-12, rel=1e-9)


def test_a_range_is_uniform() -> None:
    lengths = Lengths.between(128, 767)
    assert (lengths.num_rows, lengths.shortest, lengths.longest) == (640, 128, 767)
    assert lengths.chance_of_longer(447, draws=4) == pytest.approx(1 - 0.5**4)
    assert lengths.quantile(0.5, draws=1) == 447


def test_one_length_leaves_nothing_to_chance() -> None:
    lengths = Lengths.between(64, 64)
    assert lengths.quantile(0.01, draws=5) == lengths.quantile(1.0, draws=5) == 64
    assert lengths.expected_longest(draws=10**6) == 64


def test_cut_rows_have_the_length_that_they_are_cut_to() -> None:
    lengths = Lengths.of({10: 3, 20: 4, 30: 5}).cut_at(15)
    assert lengths == Lengths(((10, 3), (15, 9)), num_cut=9)
    assert lengths.cut_at(10).num_cut == 18
    assert lengths.cut_at(40) == lengths


def test_lengths_without_rows_do_not_count() -> None:
    assert Lengths.of({10: 1, 20: 0}).longest == 10
