from __future__ import annotations

import dataclasses
import statistics
from typing import Any

import numpy as np
import pytest

from ladderscope.regression.compare import compare
from ladderscope.regression.entry import Entry
from ladderscope.regression.limits import parse_fail_on
from ladderscope.regression.tolerance import learned_tolerance
from ladderscope.units import GIB, MIB

Values = list[int]


@pytest.mark.parametrize(
    ("before", "after"), [([], []), ([5], [5, 90, 7]), ([5, 5, 5], [5, 5, 5]), ([5, 5, 5], [9, 9, 9])]
)
def test_without_a_spread_in_repeats_of_the_baseline_nothing_is_tolerated(before: Values, after: Values) -> None:
    assert learned_tolerance(before, after) == 0


def test_the_tolerance_is_students_t_times_the_standard_error_of_the_medians_difference() -> None:
    # pooled variance 4 / 2; t(0.99, 2) = 6.965 in every table; two medians of two: pi / 2 (1 / 2 + 1 / 2)
    assert learned_tolerance([0, 2], [0, 2]) == 13  # 6.965 sqrt(pi) = 12.35


def test_a_single_value_now_varies_as_those_of_the_baseline_do() -> None:
    # t(0.99, 2) = 6.965; variance 100; pi / 6 + 1
    assert learned_tolerance([0, 10, 20], []) == learned_tolerance([0, 10, 20], [7]) == 86


def test_single_values_are_compared_more_loosely_than_medians() -> None:
    before = after = [0, 10, 20]
    assert learned_tolerance(before, after, of_medians=False) > learned_tolerance(before, after)


@pytest.mark.parametrize(("before", "after"), [([0] * 8 + [20], [0] * 9), ([0] * 9, [0] * 8 + [20])])
def test_what_was_seen_on_either_side_is_tolerated(before: Values, after: Values) -> None:
    assert learned_tolerance(before, after) == 20


def test_more_repeats_tolerate_less() -> None:
    few, many = ([base + 3 * MIB for base in (0, MIB, 2 * MIB)] * n for n in (1, 3))
    assert learned_tolerance(many, many) < learned_tolerance(few, few)


def test_bytes_of_a_large_gpu_keep_all_digits() -> None:
    small = [0, 1, 5]
    large = [80 * GIB + value for value in small]
    assert learned_tolerance(large, large) == learned_tolerance(small, small)


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("noise", ["normal", "steps"])
def test_noise_alone_exceeds_it_in_one_of_a_hundred_comparisons_at_most(n: int, noise: str) -> None:
    rng = np.random.default_rng(0)
    normal = rng.normal(8 * GIB, 3 * MIB, (2000, 2, n))
    steps = 8 * GIB + 20 * MIB * (rng.random((2000, 2, n)) < 0.2)
    draws = (normal if noise == "normal" else steps).astype(int).tolist()
    alarms = sum(
        statistics.median_low(after) - statistics.median_low(before) > learned_tolerance(before, after)
        for before, after in draws
    )
    assert alarms <= 20


def measured(peaks: Values) -> Entry:
    middle = statistics.median_low(peaks)
    repeats = {"peak_allocated": peaks} if len(peaks) > 1 else {}
    return Entry(name="a cell", meter="cuda", gpu="NVIDIA L4", metrics={"peak_allocated": middle}, repeats=repeats)


def test_a_check_lets_pass_what_repeats_explain_and_no_more() -> None:
    limits = parse_fail_on(["peak_allocated:0"])
    before = measured([1000, 1010, 1020])
    assert compare(before, measured([1010, 1030, 1040]), limits).outcome != "regression"
    assert compare(before, measured([1110, 1130, 1140]), limits).outcome == "regression"
    once = dataclasses.replace(before, repeats={})
    assert compare(once, measured([1011]), limits).outcome == "regression"


def test_a_category_is_that_of_one_measurement_and_so_may_differ_by_more_than_a_median() -> None:
    repeats = {"peak_allocated": [0, 10, 20], "activations": [0, 10, 20]}
    parts: dict[str, Any] = {"metrics": {"peak_allocated": 10}, "breakdown": {"activations": 10}, "repeats": repeats}
    before = dataclasses.replace(measured([10]), **parts)
    limits = parse_fail_on(["peak_allocated:0", "activations:0"])
    allowed = {change.name: change.allowed for change in compare(before, before, limits).changes}
    assert allowed == {
        "peak_allocated": learned_tolerance([0, 10, 20], [0, 10, 20]),
        "activations": learned_tolerance([0, 10, 20], [0, 10, 20], of_medians=False),
    }
    assert allowed["peak_allocated"] != allowed["activations"]
