"""Means with intervals, accuracies of two methods on the same items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ladderscope.records import Answers
from ladderscope.studies.intervals import accuracy_difference, accuracy_interval, mean_interval


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
