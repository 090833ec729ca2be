from __future__ import annotations

import pytest
from statsmodels.stats.multitest import multipletests

from ladderscope.scaling.comparison.holm import adjusted, holm
from ladderscope.scaling.comparison.judgement import without_verdict
from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison
from ladderscope.scaling.results.estimates import Estimate


def compared(p_difference: float, p_equivalence: float) -> MethodComparison:
    slope = SlopeComparison(
        estimand="slope",
        first=Estimate(0.31, 0.3, 0.32),
        second=Estimate(0.3, 0.29, 0.31),
        difference=Estimate(0.01, 0.0, 0.02),
        verdict="equivalent",
        reason="",
        equivalence_interval=(0.99, 1.05),
        p_difference=p_difference,
        p_equivalence=p_equivalence,
    )
    return comparison_of(slope)


def comparison_of(slope: SlopeComparison) -> MethodComparison:
    return MethodComparison(
        first="a",
        second="b",
        margin=0.1,
        paired=True,
        pair_keys=[],
        n_pairs=6,
        n_runs=(6, 6),
        verdict=slope.verdict,
        reason=slope.reason,
        slopes=[slope],
    )


def test_p_values_are_adjusted_as_by_statsmodels() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005, 0.9]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_verdicts_follow_the_adjusted_p_values() -> None:
    found = adjusted([compared(0.9, 0.02), compared(0.9, 0.04), compared(0.001, 0.9)], 0.95)
    assert [one.slopes[0].p_equivalence_holm for one in found] == pytest.approx([0.06, 0.08, 0.9])
    assert [one.verdict for one in found] == ["inconclusive", "inconclusive", "different"]
    assert "p-values adjusted for 3 comparisons, by Holm's method" in found[0].reason


def test_what_the_adjustment_takes_from_an_interval_is_said() -> None:
    """Intervals are those of single comparisons: a verdict by adjusted p-values would contradict them."""
    inside, apart, _ = adjusted([compared(0.9, 0.02), compared(0.03, 0.9), compared(0.001, 0.9)], 0.95)
    assert "0.9 to 1.1 as a single comparison (p 0.02) but not as one of 3 (p 0.06), and" in inside.reason
    assert "0.9 to 1.1, and their difference is 0.01 [0, 0.02], which leaves out zero as a single" in apart.reason
    assert "comparison (p 0.03) but not as one of 3 (p 0.06), so it could be zero" in apart.reason


def test_nothing_is_said_of_an_adjustment_that_changes_nothing() -> None:
    unclear, apart = adjusted([compared(0.9, 0.9), compared(0.001, 0.9)], 0.95)
    assert unclear.verdict == "inconclusive"
    assert "their difference is 0.01 [0, 0.02], so it could be zero (p-values adjusted" in unclear.reason
    assert not any("single comparison" in one.reason for one in (unclear, apart))


def test_they_are_held_against_the_confidence_of_the_fit() -> None:
    pairs = [compared(0.9, 0.02), compared(0.9, 0.001), compared(0.01, 0.9)]
    assert [one.verdict for one in adjusted(pairs, 0.9)] == ["equivalent", "equivalent", "different"]
    assert [one.verdict for one in adjusted(pairs, 0.99)] == ["inconclusive", "equivalent", "inconclusive"]


def test_one_comparison_stays_as_it_is() -> None:
    alone = compared(0.9, 0.04)
    assert adjusted([alone], 0.95)[0].slopes == alone.slopes


def test_a_comparison_without_verdict_neither_counts_nor_changes() -> None:
    undecided = comparison_of(without_verdict("slope", "3 pairs of runs are too few", 6))
    found = adjusted([compared(0.9, 0.04), undecided], 0.95)
    assert found[0].slopes[0].p_equivalence_holm is None
    assert found[1].reason == "3 pairs of runs are too few"
