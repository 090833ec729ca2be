"""Means with intervals, accuracies of two methods on the same items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ladderscope.records import Answers
from ladderscope.studies.crossed import mean_half_width
from ladderscope.studies.intervals import (
    MeanInterval,
    accuracy_difference,
    accuracy_interval,
    mean_accuracy,
    mean_interval,
)


def answers(bits: np.ndarray) -> Answers:
    return Answers(correct="".join("1" if bit else "0" for bit in bits))


def test_the_mean_has_the_t_interval_of_scipy() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    found = mean_interval(values, 0.95)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.mean == pytest.approx(2.875)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval() -> None:
    found = mean_interval([3.0], 0.95)
    assert (found.mean, found.low, found.high) == (3.0, None, None)


def test_an_accuracy_has_wilsons_interval() -> None:
    low, high = accuracy_interval(Answers(correct="1" * 9 + "0"), 0.95)
    assert (low, high) == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_pairing_by_item_makes_the_interval_as_narrow_as_the_items_on_which_two_methods_differ() -> None:
    rng = np.random.default_rng(0)
    one = rng.random(400) < 0.5
    other = one.copy()
    other[:8] = ~other[:8]
    gap = one.mean() - other.mean()
    found = accuracy_difference({"a": [answers(one)]}, {"a": [answers(other)]}, 0.95)
    assert found.mean == pytest.approx(gap)
    assert found.low is not None
    assert found.high is not None
    # Eight of 400 items differ: the standard error is about sqrt(8) / 400, not sqrt(2 * 0.25 / 400).
    assert found.high - found.low == pytest.approx(2 * 1.96 * 8**0.5 / 400, rel=0.15)


def test_runs_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    base = [answers(rng.random(300) < 0.5) for _ in range(3)]
    steady = [answers(rng.random(300) < 0.6) for _ in range(3)]
    shaky = [answers(rng.random(300) < level) for level in (0.35, 0.6, 0.85)]
    narrow = accuracy_difference({"a": steady}, {"a": base}, 0.95)
    wide = accuracy_difference({"a": shaky}, {"a": base}, 0.95)
    assert narrow.high is not None
    assert wide.high is not None
    assert narrow.low is not None
    assert wide.low is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_other_test_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="same sets"):
        accuracy_difference({"a": [Answers(correct="1")]}, {"b": [Answers(correct="1")]}, 0.95)


def test_other_items_or_numbers_of_runs_are_refused() -> None:
    one = Answers(correct="10", items="a")
    with pytest.raises(ValueError, match="other items"):
        accuracy_difference({"a": [one]}, {"a": [Answers(correct="10", items="b")]}, 0.95)
    with pytest.raises(ValueError, match="other items"):
        mean_accuracy([one, Answers(correct="10", items="a", groups=[0, 0])], 0.95)
    with pytest.raises(ValueError, match="2 and 1 runs of a"):
        accuracy_difference({"a": [one, one]}, {"a": [one]}, 0.95)


def test_items_that_are_right_together_count_as_one() -> None:
    rng = np.random.default_rng(2)
    of_group, other = (rng.random(30) < 0.5 for _ in range(2))
    alone = [Answers(correct=answers(bits).correct) for bits in (of_group, other)]
    ten_times = [
        Answers(correct=answers(np.repeat(bits, 10)).correct, groups=list(np.repeat(range(30), 10).tolist()))
        for bits in (of_group, other)
    ]
    few = accuracy_difference({"a": [alone[0]]}, {"a": [alone[1]]}, 0.95)
    many = accuracy_difference({"a": [ten_times[0]]}, {"a": [ten_times[1]]}, 0.95)
    assert many == few
    few, many = (mean_accuracy([one[0]], 0.95) for one in (alone, ten_times))
    assert width(many) == pytest.approx(width(few), rel=0.05)
    assert width(many) > 2.5 * width(mean_accuracy([Answers(correct=ten_times[0].correct)], 0.95))


def test_groups_without_anything_in_common_change_little() -> None:
    rng = np.random.default_rng(4)
    bits = answers(rng.random(300) < 0.4)
    grouped = Answers(correct=bits.correct, groups=[place % 60 for place in range(300)])
    assert width(mean_accuracy([grouped], 0.95)) == pytest.approx(width(mean_accuracy([bits], 0.95)), rel=0.25)


@pytest.mark.parametrize("bit", ["0", "1"])
def test_items_that_are_all_alike_leave_as_much_open_as_their_groups(bit: str) -> None:
    of_groups = mean_accuracy([Answers(correct=bit * 150, groups=[place % 30 for place in range(150)])], 0.95)
    assert width(of_groups) == pytest.approx(width(mean_accuracy([Answers(correct=bit * 30)], 0.95)))


def test_runs_on_the_same_items_do_not_make_more_items() -> None:
    one = Answers(correct="1" * 60 + "0" * 40)
    assert mean_accuracy([one] * 3, 0.95) == mean_accuracy([one], 0.95)
    half = mean_accuracy([Answers(correct="11"), Answers(correct="00")], 0.95)
    assert (half.mean, half.count) == (0.5, 2)


def test_few_runs_that_differ_leave_as_much_open_as_their_t_interval() -> None:
    """All items of a run are alike, in all sets: there are three values, whatever the number of items and sets."""
    shares = (0.4, 0.5, 0.6)
    runs = [Answers(correct=("1" * round(share * 400)).ljust(400, "0")) for share in shares]
    none = [Answers(correct="0" * 400)] * 3
    found = accuracy_difference({str(name): runs for name in range(8)}, {str(name): none for name in range(8)}, 0.95)
    expected = mean_interval(shares, 0.95)
    assert width(found) == pytest.approx(width(expected), rel=0.02)


def test_two_methods_with_the_same_answers_differ_by_nothing_for_certain() -> None:
    one = [Answers(correct="0110"), Answers(correct="1010")]
    assert accuracy_difference({"a": one}, {"a": one}, 0.95) == MeanInterval(0.0, 0.0, 0.0, 1)


@pytest.mark.parametrize("runs", [2, 3])
@pytest.mark.parametrize("spread", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("sets", [1, 4])
def test_intervals_hold_the_truth_as_often_as_they_say(runs: int, spread: float, sets: int) -> None:
    """What a seed does to a method is the same in all sets. Items differ in difficulty, and are asked in every run.

    Of 600 experiments with a 90% interval, 540 hold the truth on average, with a standard error of 7.
    """
    rng = np.random.default_rng([runs, int(100 * spread), sets])
    held = sum(_holds_the_truth(rng, runs, spread, sets) for _ in range(600))
    assert held > 0.9 * 600 - 3 * 7


def _holds_the_truth(rng: np.random.Generator, runs: int, spread: float, sets: int) -> bool:
    of_seeds = rng.normal(0, spread, (runs, 1))
    tables = []
    for _ in range(sets):
        difficulty = rng.uniform(0.3, 0.7, 150)
        mine, theirs = (rng.random((runs, 150)) < level for level in (difficulty + of_seeds, difficulty))
        tables.append(mine.astype(float) - theirs)
    half = mean_half_width(tables, [()] * sets, 0.9)
    return abs(float(np.mean([table.mean() for table in tables]))) <= half


def width(found: MeanInterval) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low
