"""Intervals of a family leave zero out exactly where Holm's test rejects it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ladderscope.scaling.comparison.holm import holm
from ladderscope.studies.families import Compared, all_below, compare_all, holm_intervals, side_of
from ladderscope.studies.intervals import MeanInterval, mean_interval

BELOW, ABOVE, OPEN = (MeanInterval(0.0, low, high, 4) for low, high in ((-2.0, -1.0), (1.0, 2.0), (-1.0, 1.0)))


def both(one: MeanInterval) -> Compared:
    return Compared(one, one)


def test_intervals_reject_what_holms_p_values_reject() -> None:
    rng = np.random.default_rng(1)
    rejections = 0
    for _ in range(200):
        family = {str(k): list(rng.normal(rng.choice([0, 1.0]), 1, size=6)) for k in range(4)}
        adjusted = holm([float(stats.ttest_1samp(values, 0).pvalue) for values in family.values()])
        found = holm_intervals(family, 0.95)
        assert [side_of(found[name]) != "open" for name in family] == [p < 0.05 for p in adjusted]
        rejections += sum(p < 0.05 for p in adjusted)
    assert 50 < rejections < 750


def test_the_clearest_is_held_to_the_strictest_level_and_one_alone_to_that_of_the_family() -> None:
    clear, unclear = [1.0, 1.01, 0.99], [0.1, -0.1, 0.05]
    found = holm_intervals({"unclear": unclear, "clear": clear}, 0.95)
    assert list(found) == ["unclear", "clear"]
    assert found["clear"] == mean_interval(clear, 0.975)
    assert found["unclear"] == mean_interval(unclear, 0.95)
    assert holm_intervals({"clear": clear}, 0.95)["clear"] == mean_interval(clear, 0.95)


def test_after_the_first_that_is_open_no_other_gets_an_easier_level() -> None:
    found = holm_intervals({"a": [0.5, -0.4, 0.3], "b": [0.5, -0.5, 0.2]}, 0.95)
    assert found["a"] == mean_interval([0.5, -0.4, 0.3], 0.975)
    assert found["b"] == mean_interval([0.5, -0.5, 0.2], 0.975)


def test_what_has_no_values_counts_and_has_no_interval() -> None:
    clear = [1.0, 1.01, 0.99]
    found = holm_intervals({"clear": clear, "none": [], "single": [0.3]}, 0.95)
    assert set(found) == {"clear", "single"}
    assert found["clear"] == mean_interval(clear, 1 - 0.05 / 3)
    assert found["single"].low is None


def test_equal_values_are_as_clear_as_can_be() -> None:
    assert side_of(holm_intervals({"same": [-0.2, -0.2]}, 0.95)["same"]) == "below"
    assert side_of(holm_intervals({"zero": [0.0, 0.0]}, 0.95)["zero"]) == "open"


@pytest.mark.parametrize(
    ("found", "side"),
    [
        ([both(BELOW), both(BELOW)], "below"),
        ([both(BELOW), both(OPEN)], "open"),
        ([both(BELOW), None], "open"),
        ([both(BELOW), both(ABOVE)], "above"),
        ([None, both(ABOVE)], "above"),
        ([Compared(BELOW, OPEN), Compared(BELOW, OPEN)], "below"),
        ([both(BELOW), Compared(ABOVE, OPEN)], "open"),
        ([], "open"),
    ],
)
def test_all_must_be_below_without_an_adjustment_and_one_above_is_enough_with_it(
    found: list[Compared | None], side: str
) -> None:
    assert all_below(found) == side


def test_a_family_has_both_intervals_of_every_mean() -> None:
    clear, unclear = [1.0, 1.01, 0.99], [0.1, -0.1, 0.05]
    found = compare_all({"clear": clear, "unclear": unclear, "none": []}, 0.95)
    assert found["none"] is None
    one = found["clear"]
    assert one == Compared(mean_interval(clear, 0.95), mean_interval(clear, 1 - 0.05 / 3))
    assert one.moved(-1.0).plain.mean == pytest.approx(0.0)
    assert one.moved(-1.0).plain.low == pytest.approx((one.plain.low or 0) - 1)


def test_all_below_errs_no_more_often_than_one_test_does() -> None:
    """One of two means is zero, the other far below: what is claimed of both is wrong in 2.5% of the cases."""
    rng = np.random.default_rng(0)
    wrong = sum(
        all_below(
            compare_all({"zero": list(rng.normal(0, 1, 3)), "below": list(rng.normal(-50, 1, 3))}, 0.95).values()
        )
        == "below"
        for _ in range(2000)
    )
    assert 25 < wrong < 80
