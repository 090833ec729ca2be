from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ladderscope.scaling.comparison.equivalence import TwoSlopes, smallest_margin, verdict_of
from ladderscope.scaling.comparison.power import power_of_equivalence, runs_needed


def slopes(first: float, second: float, error: float, correlation: float = 0.0, freedom: float = 4.0) -> TwoSlopes:
    variance = np.asarray(error**2)
    return TwoSlopes(
        first=np.asarray(first),
        second=np.asarray(second),
        variance_first=variance,
        covariance=correlation * variance,
        variance_second=variance,
        freedom=np.asarray(freedom),
    )


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("first", [0.27, 0.29, 0.3, 0.31, 0.335])
@pytest.mark.parametrize("error", [0.002, 0.008, 0.03])
def test_equivalence_passes_just_where_the_ratio_s_interval_is_inside_the_margin(
    first: float, error: float, sign: int
) -> None:
    two = slopes(sign * first, sign * 0.3, error, 0.5)
    interval = two.ratio_interval(0.05)
    assert interval is not None
    inside = interval[0] >= 0.9 and interval[1] <= 1.1
    assert (float(two.p_equivalence(0.1)) <= 0.05) == inside
    margin = smallest_margin(interval)
    assert margin is not None
    assert float(two.p_equivalence(margin)) == pytest.approx(0.05, abs=1e-9)


def test_the_ratio_is_unbounded_where_the_reference_slope_could_be_zero() -> None:
    two = slopes(0.05, 0.03, 0.02)
    assert two.ratio_interval(0.05) is None
    assert smallest_margin(None) is None
    assert float(two.p_equivalence(0.1)) > 0.05


def test_the_difference_is_a_t_test() -> None:
    two = slopes(0.33, 0.3, 0.01, 0.5)
    assert float(two.p_difference()) == pytest.approx(2 * stats.t.sf(0.03 / 0.01, 4))


def test_slopes_without_any_noise_are_judged_too() -> None:
    assert float(slopes(0.31, 0.3, 0.0).p_equivalence(0.1)) == 0.0
    assert float(slopes(0.36, 0.3, 0.0).p_equivalence(0.1)) == 1.0
    assert float(slopes(0.3, 0.3, 0.0).p_difference()) == 1.0


@pytest.mark.parametrize(
    ("p_difference", "p_equivalence", "verdict"),
    [
        (0.5, 0.01, "equivalent"),
        (0.01, 0.01, "equivalent"),
        (0.01, 0.5, "different"),
        (0.5, 0.5, "inconclusive"),
    ],
)
def test_the_verdict(p_difference: float, p_equivalence: float, verdict: str) -> None:
    assert verdict_of(p_difference, p_equivalence, 0.05) == verdict


@pytest.mark.parametrize("n_runs", [8, 10, 20])
def test_the_power_is_that_of_simulated_runs(n_runs: int) -> None:
    """Pairs of runs with slopes of their own: the mean's error falls with the root of their number."""
    rng = np.random.default_rng(0)
    deviation, slope, draws = 0.025, 0.3, 4000
    pairs = rng.normal(slope, deviation, size=(draws, n_runs, 2))
    mean, freedom = pairs.mean(axis=1), n_runs - 2
    centred = pairs - mean[:, None]
    matrix = np.einsum("dgi,dgj->dij", centred, centred) / (n_runs * (n_runs - 1))
    simulated = TwoSlopes(
        first=mean[:, 0],
        second=mean[:, 1],
        variance_first=matrix[:, 0, 0],
        covariance=matrix[:, 0, 1],
        variance_second=matrix[:, 1, 1],
        freedom=np.full(draws, float(freedom)),
    )
    power = float(np.mean(simulated.p_equivalence(0.1) <= 0.05))
    known = slopes(slope, slope, deviation / np.sqrt(8), freedom=6.0)
    assert power_of_equivalence(known, 0.1, 0.05, (8, 8), n_runs) == pytest.approx(power, abs=0.06)


def test_the_runs_needed_are_the_fewest_with_a_power_of_80_percent() -> None:
    two = slopes(0.3, 0.3, 0.02, freedom=6.0)
    needed = runs_needed(two, 0.1, 0.05, (8, 8))
    assert needed is not None
    assert power_of_equivalence(two, 0.1, 0.05, (8, 8), needed) >= 0.8
    assert power_of_equivalence(two, 0.1, 0.05, (8, 8), needed - 1) < 0.8
    assert runs_needed(slopes(0.3, 0.3, 1e-5), 0.1, 0.05, (8, 8)) == 6
    assert runs_needed(slopes(0.3, 0.3, 3.0), 0.1, 0.05, (8, 8)) is None


def test_slopes_that_are_no_numbers_need_no_number_of_runs() -> None:
    assert runs_needed(slopes(np.nan, 0.3, 0.02), 0.1, 0.05, (8, 8)) is None
    assert runs_needed(slopes(0.3, 0.3, np.nan), 0.1, 0.05, (8, 8)) is None
