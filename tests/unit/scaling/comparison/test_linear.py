from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from pandas import DataFrame
from scipy.stats import linregress

from ladderscope.scaling.comparison.equivalence import TwoSlopes
from ladderscope.scaling.comparison.even_noise import EvenNoise
from ladderscope.scaling.comparison.joint import JointPoints, join
from ladderscope.scaling.comparison.local_slope import Lines, local_slope, pooled_lines, shared_range
from ladderscope.scaling.comparison.pairing import pair_runs
from ladderscope.scaling.comparison.per_run import per_run_slopes
from ladderscope.scaling.points import Points
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.table import Group
from tests.unit.scaling.comparison.simulated import two_methods


def joined(*, paired: bool = True, runs: int = 6) -> JointPoints:
    first, second = two_methods(runs, deviation=0.02, noise=0.002, exponents=(0.33, 0.3), paired=paired)
    return join(first, second, pair_runs(first, second))


def frame_of(joint: JointPoints) -> DataFrame:
    points = joint.points
    return DataFrame(
        {"y": np.log(points.y), "z": np.log(points.x[:, 0]), "method": joint.method, "cluster": points.run}
    )


def test_slopes_are_those_of_the_analysis_of_covariance() -> None:
    joint = joined()
    lines = pooled_lines(joint)
    assert lines is not None
    ancova = smf.ols("y ~ z * C(method)", frame_of(joint)).fit()
    first, second = lines.estimates.value[list(Lines.SLOPES)]
    assert first == pytest.approx(ancova.params["z"], rel=1e-9)
    assert second - first == pytest.approx(ancova.params["z:C(method)[T.1]"], rel=1e-8)


@pytest.mark.parametrize("paired", [True, False])
def test_the_standard_error_of_the_difference_is_the_jackknife_by_cluster(paired: bool) -> None:
    joint = joined(paired=paired)
    lines = pooled_lines(joint)
    assert lines is not None
    frame = frame_of(joint)

    def difference(rows: DataFrame) -> float:
        return float(smf.ols("y ~ z * C(method)", rows).fit().params["z:C(method)[T.1]"])

    off = np.array([difference(frame[frame.cluster != g]) for g in range(len(joint.stratum))]) - difference(frame)
    strata = [off[joint.stratum == s] for s in np.unique(joint.stratum)]
    expected = np.sqrt(sum((len(part) - 1) / len(part) * np.sum(part**2) for part in strata))
    found = TwoSlopes.of(lines.estimates, *Lines.SLOPES).excess(1.0)[1]
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_pairs_cancel_what_they_share() -> None:
    paired, independent = pooled_lines(joined()), pooled_lines(joined(paired=False))
    assert paired is not None
    assert independent is not None
    errors = [float(TwoSlopes.of(one.estimates, *Lines.SLOPES).excess(1.0)[1]) for one in (paired, independent)]
    assert errors[0] < errors[1] / 2


def test_degrees_of_freedom_are_runs_less_two_where_all_runs_matter_alike() -> None:
    first, second = two_methods(6)
    for group in (first, second):
        group.points.x[:, 0] = np.tile(np.geomspace(1e17, 1e19, 4), 6)
    lines = pooled_lines(join(first, second, pair_runs(first, second)))
    assert lines is not None
    assert float(TwoSlopes.of(lines.estimates, *Lines.SLOPES).freedom) == pytest.approx(4.0)


@pytest.mark.parametrize("members", [range(6), range(2, 5)])
def test_the_scatter_under_even_noise_is_that_of_all_the_weights_written_out(members: range) -> None:
    rng = np.random.default_rng(0)
    design, weights, cluster = (
        rng.normal(size=(20, 3)),
        rng.uniform(0.5, 2, size=20),
        rng.permutation(np.arange(20) % 6),
    )
    combination = rng.normal(size=3)

    def linear(keep: np.ndarray) -> np.ndarray:
        kept = design.T * (weights * keep)
        return np.asarray(combination @ np.linalg.solve(kept @ design, kept))

    off = np.array([linear(cluster != g) - linear(np.ones(20)) for g in members])
    noise = EvenNoise.of(design, weights, cluster, 6)
    found = noise.trace_and_norm(np.array(members), combination)
    assert found == pytest.approx((np.trace(off @ off.T), np.sum((off @ off.T) ** 2)))


def test_a_table_of_twenty_thousand_runs_goes_through() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(0, 10, size=20_000))
    keys: list[dict[str, str]] = [{} for _ in x]
    group = Group("all", Points.of(x, x**-0.3 * np.exp(0.1 * rng.normal(size=len(x)))), ["run"] * len(x), keys)
    slope, line = local_slope(group, None, 0.95), linregress(np.log(x), np.log(group.points.y))
    assert slope.value == pytest.approx(line.slope)
    assert slope.standard_error == pytest.approx(line.stderr, rel=0.02)
    lines = pooled_lines(join(group, group, pair_runs(group, group)))
    assert lines is not None
    assert float(TwoSlopes.of(lines.estimates, *Lines.SLOPES).freedom) > 10_000


def test_slopes_of_single_runs_are_compared_by_a_t_test() -> None:
    joint = joined()
    found = per_run_slopes(joint)
    assert found is not None
    slopes = np.array(
        [
            [np.polyfit(np.log(joint.points.x[rows, 0]), np.log(joint.points.y[rows]), 1)[0] for rows in both]
            for both in ([(joint.points.run == g) & (joint.method == m) for m in (0, 1)] for g in range(6))
        ]
    )
    gaps = slopes[:, 0] - slopes[:, 1]
    two = TwoSlopes.of(found, 0, 1)
    value, error = two.excess(1.0)
    assert float(-value) == pytest.approx(gaps.mean())
    assert float(error) == pytest.approx(gaps.std(ddof=1) / np.sqrt(6))
    assert float(two.freedom) == pytest.approx(5.0)


def test_runs_of_one_point_have_no_slope_of_their_own() -> None:
    first, second = two_methods(6, checkpoints=1)
    assert per_run_slopes(join(first, second, pair_runs(first, second))) is None


def test_a_group_has_its_local_slope_over_the_shared_range() -> None:
    first, second = two_methods(6, exponents=(0.2, 0.4), noise=1e-4)
    second.points.x[:] *= 10
    ends = shared_range([first, second])
    assert ends == pytest.approx((1e17, 1e19))
    found = local_slope(first, ends, 0.95)
    assert found.value == pytest.approx(-0.2, abs=1e-3)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -0.2 < found.high


def test_a_local_slope_from_two_runs_has_no_interval() -> None:
    first, _ = two_methods(2)
    found = local_slope(first, None, 0.95)
    assert found.value is not None
    assert found.low is None
    assert found.reason == "2 training runs in the range are too few for an interval"


def test_a_response_that_is_not_positive_has_no_local_slope() -> None:
    first, _ = two_methods(6)
    first.points.y[3] = -0.1
    found = local_slope(first, None, 0.95)
    assert found == Estimate(reason="the response is not positive everywhere in the range")


def test_ranges_that_do_not_overlap_share_none() -> None:
    first, second = two_methods(3)
    second.points.x[:] *= 1e6
    assert shared_range([first, second]) is None
