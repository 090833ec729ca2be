"""The rates of error that the comparison promises, on simulated designs (the study runs more of them)."""

from __future__ import annotations

import pytest
from scipy import stats

from studies.scaling_calibration.slopes import Design, ancova, draw, rates

DRAWS = 1500


def at_most(share: float) -> float:
    """What a rate of ``share`` may come to in ``DRAWS`` draws, all but 1 time in 1000."""
    return float(stats.binom.isf(1e-3, DRAWS, share)) / DRAWS


@pytest.mark.parametrize("ranges", ["same", "own"])
@pytest.mark.parametrize("shared", [0.0, 0.9])
@pytest.mark.parametrize("paired", [True, False])
def test_six_runs_of_ten_checkpoints_keep_to_the_promised_rates(ranges: str, shared: float, paired: bool) -> None:
    found = rates(Design(6, 10, ranges), shared, DRAWS, paired=paired)
    assert found["rejected"] <= at_most(0.06)
    assert found["false equivalent"] <= at_most(0.055)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_so_do_runs_with_one_point_each(shared: float) -> None:
    found = rates(Design(8, 1, "own"), shared, DRAWS, paired=True)
    assert found["rejected"] <= at_most(0.06)
    assert found["false equivalent"] <= at_most(0.055)


def test_pairs_that_share_their_deviations_have_power() -> None:
    design = Design(6, 10, "same")
    assert rates(design, 0.9, DRAWS, paired=True)["power"] > 0.9
    assert rates(design, 0.9, DRAWS, paired=False)["power"] < 0.5


def test_checkpoints_taken_for_independent_points_reject_half_of_true_nulls() -> None:
    design = Design(6, 10, "same")
    assert (ancova(design, *draw(design, 0.0, 0.0, DRAWS)) <= 0.05).mean() > 0.4
