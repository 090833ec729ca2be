from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ladderscope.errors import UsageError
from ladderscope.scaling.comparison.compare import compare_groups
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.laws.custom import CustomLaw
from ladderscope.scaling.laws.power import Power
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import Points
from ladderscope.scaling.results.comparison import MethodComparison
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group
from tests.unit.scaling.comparison.simulated import two_methods

SETTINGS = FitSettings(starts=3)


def compared(**truth: object) -> MethodComparison:
    return compare_groups(Power(), *two_methods(**truth), SETTINGS)  # type: ignore[arg-type]


def covers(estimate: Estimate, truth: float) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


def test_the_same_slopes_are_equivalent_and_the_multiplier_is_found() -> None:
    found = compared(multiplier=1.5, deviation=0.01)
    assert found.verdict == "equivalent"
    assert found.paired
    assert found.n_pairs == 6
    assert found.reason.startswith("the slopes' ratio is 1 [0.99")
    assert "(90%), inside of 0.9 to 1.1" in found.reason
    assert found.slopes[0].smallest_margin is not None
    assert found.slopes[0].smallest_margin < 0.1
    assert found.preferred_model == "parallel"
    assert covers(found.multiplier, 1.5)
    assert all(covers(one.multiplier, 1.5) for one in found.multipliers)


def test_a_difference_within_the_margin_is_said() -> None:
    found = compared(exponents=(0.31, 0.3), noise=1e-4)
    assert found.verdict == "equivalent"
    assert found.reason.endswith("they differ, but by less than the margin")


@pytest.mark.parametrize("confidence", [0.5, 0.2])
def test_a_confidence_of_half_or_less_is_refused(confidence: float) -> None:
    with pytest.raises(UsageError, match=f"more than 50%, not {100 * confidence:.0f}%: .* larger --confidence"):
        compare_groups(Power(), *two_methods(), FitSettings(confidence=confidence))


def test_different_slopes_come_with_the_crossing_and_the_multipliers_at_both_ends() -> None:
    found = compared(exponents=(0.4, 0.3), multiplier=1.0)
    assert found.verdict == "different"
    assert "not inside of 0.9 to 1.1" in found.reason
    assert covers(found.crossing, 1e18)
    assert found.crossing.value == pytest.approx(1e18, rel=0.05)
    assert found.shared_range is not None
    assert {(one.x, one.by) for one in found.multipliers} == {
        (end, by) for end in found.shared_range for by in ("straight lines", "all own")
    }
    for one in found.multipliers:
        assert one.multiplier.value == pytest.approx((one.x / 1e18) ** (0.3 / 0.4 - 1), rel=0.02)


def test_parallel_curves_have_equivalent_exponents_though_their_slopes_at_the_same_x_differ() -> None:
    groups = two_methods(10, 10, exponents=(0.3, 0.3), offset=1.5, multiplier=2.0, noise=1e-4, deviation=1e-4, seed=1)
    found = compare_groups(PowerOffset(), *groups, SETTINGS)
    local = next(slope for slope in found.slopes if slope.estimand.startswith("local log-log slope"))
    assert local.p_difference is not None
    assert local.p_difference < 0.01
    assert (found.verdict, found.slopes[0].estimand) == ("equivalent", "exponent, shared offset")
    assert found.preferred_model == "parallel"
    assert covers(found.multiplier, 2.0)


def test_where_the_data_reject_a_shared_offset_exponents_with_their_own_decide() -> None:
    ladder, _ = two_methods(10, 10, exponents=(0.3, 0.3), offset=1.0, noise=1e-4, deviation=1e-4)
    _, qlora = two_methods(10, 10, exponents=(0.3, 0.3), offset=2.0, noise=1e-4, deviation=1e-4)
    found = compare_groups(PowerOffset(), ladder, qlora, SETTINGS)
    assert found.slopes[0].estimand == "exponent, all own"
    assert found.preferred_model == "all own"


def test_lines_that_cross_far_from_the_data_do_not_cross() -> None:
    found = compared(exponents=(0.4, 0.3), multiplier=1e9)
    assert found.verdict == "different"
    assert found.crossing == Estimate(reason="straight lines do not cross near the data")


def test_curves_with_a_shared_offset_cross_by_the_law_too() -> None:
    groups = two_methods(exponents=(0.4, 0.3), offset=1.5)
    found = compare_groups(PowerOffset(), *groups, SETTINGS)
    assert covers(found.crossing_by_law, 1e18)
    assert found.crossing_by_law.value == pytest.approx(1e18, rel=0.1)
    exponent = next(slope for slope in found.slopes if slope.estimand == "exponent, shared offset")
    assert exponent.verdict == "different"
    assert covers(exponent.first, 0.4)
    assert covers(exponent.second, 0.3)


def test_noisy_slopes_are_inconclusive_and_the_runs_that_would_decide_are_named() -> None:
    found = compared(noise=0.15)
    assert found.verdict == "inconclusive"
    needed = found.slopes[0].runs_needed
    assert needed is not None
    assert needed > 6
    assert f"if the slopes are the same in truth, it takes about {needed} runs per method" in found.reason
    assert found.crossing.low is None
    assert found.crossing.reason == "the slopes could be the same, so the curves need not cross anywhere"


@pytest.mark.parametrize("law", [Power(), PowerOffset()])
@pytest.mark.parametrize("checkpoints", [1, 10])
@pytest.mark.parametrize("paired", [True, False])
def test_three_sizes_per_method_get_no_verdict_but_the_number_of_runs_needed(
    law: Power | PowerOffset, checkpoints: int, paired: bool
) -> None:
    groups = two_methods(3, checkpoints, offset=1.5, deviation=0.01, paired=paired)
    found = compare_groups(law, *groups, SETTINGS)
    assert found.verdict == "inconclusive"
    assert "too few for a verdict: it takes at least 5" in found.reason
    assert found.slopes[0].p_equivalence is None
    assert found.slopes[0].runs_needed is not None
    assert found.slopes[0].runs_needed >= 6
    assert all(slope.verdict == "inconclusive" for slope in found.slopes)


@pytest.mark.parametrize("runs", [1, 2])
def test_one_or_two_runs_get_no_verdict_either(runs: int) -> None:
    found = compare_groups(PowerOffset(), *two_methods(runs), SETTINGS)
    assert found.verdict == "inconclusive"
    assert found.slopes[0].runs_needed == 6


def test_ranges_that_do_not_overlap_are_inconclusive() -> None:
    first, second = two_methods(6)
    second.points.x[:] *= 1e6
    found = compare_groups(Power(), first, second, SETTINGS)
    assert found.verdict == "inconclusive"
    assert found.shared_range is None
    assert found.reason == "the ranges of the predictor do not overlap, so there is no slope that both have"


def test_a_loss_that_does_not_fall_has_no_slope_to_compare() -> None:
    found = compared(exponents=(-0.1, -0.1))
    assert found.verdict == "inconclusive"
    assert "does not fall" in found.reason


def test_a_law_without_one_exponent_gives_nested_models_and_says_so() -> None:
    rng = np.random.default_rng(0)
    n, d = np.repeat(np.geomspace(1e7, 1e9, 6), 5), np.tile(np.geomspace(1e9, 1e11, 5), 6)
    groups = []
    for name, times in (("ladder", 2.0), ("qlora", 1.0)):
        y = 1.7 + 400 * (n / times) ** -0.34 + 410 * d**-0.28
        points = Points.of(np.column_stack([n, d]), y * np.exp(1e-3 * rng.normal(size=30)), run=np.arange(30) // 5)
        groups.append(Group(name, points, [str(g) for g in range(6)], [{"model": str(g)} for g in range(6)]))
    found = compare_groups(Chinchilla(), groups[0], groups[1], SETTINGS)
    assert "Chinchilla's law has no one exponent to compare, only nested models and predictions" in found.notes
    assert [model.name for model in found.models] == ["one curve", "parallel", "shared offset", "all own"]
    assert covers(found.multiplier, 2.0)


def test_a_method_that_was_always_out_of_memory_is_told_and_nothing_breaks() -> None:
    first, second = two_methods(offset=1.5)
    second.points.censored[:] = True
    found = compare_groups(PowerOffset(), first, second, SETTINGS)
    assert found.verdict == "inconclusive"
    assert not found.models
    told = "there are no nested models of Power law with offset: qlora: too few points (0) for 3 parameters"
    assert any(note.lower().startswith(told.lower()) for note in found.notes), found.notes


def test_a_law_is_not_compared_where_it_is_not_fitted() -> None:
    found = compared(exponents=(0.3, -0.1))
    assert found.verdict == "inconclusive"
    assert not found.models
    assert found.multiplier.value is None
    assert found.multiplier.reason is not None
    assert found.multiplier.reason.startswith("qlora: y did not fall as")


def reward(C: np.ndarray, level: float, gain: float) -> np.ndarray:
    return level + gain * np.log(C / 1e18)


def test_a_response_below_zero_is_judged_by_the_law_s_own_slope() -> None:
    law = CustomLaw(reward, slope="gain", start={"level": 0.0, "gain": 0.1})
    first, second = two_methods(noise=0.02)
    first, second = (replace(g, points=g.points.with_y(-np.log(g.points.y) - 0.2)) for g in (first, second))
    assert np.any(first.points.y < 0)
    found = compare_groups(law, first, second, SETTINGS)
    assert found.slopes[0].estimand == "exponent, all own"
    assert (found.verdict, found.reason) == (found.slopes[0].verdict, found.slopes[0].reason)
    assert found.verdict == "equivalent"
    assert covers(found.slopes[0].first, 0.3)
    local = found.slopes[-1]
    assert local.reason == "the response is not positive everywhere, so it has no log-log slope"
    assert (local.verdict, local.p_difference, local.runs_needed) == ("inconclusive", None, None)
    assert "nan" not in str(found)


def test_without_a_slope_of_its_own_such_a_law_gets_no_verdict() -> None:
    first, second = two_methods(noise=0.02)
    first, second = (replace(g, points=g.points.with_y(-np.log(g.points.y) - 0.2)) for g in (first, second))
    found = compare_groups(CustomLaw(reward, start={"level": 0.0, "gain": 0.1}), first, second, SETTINGS)
    assert found.verdict == "inconclusive"
    assert found.reason == found.crossing.reason
    assert found.reason.startswith("the response is not positive everywhere")
