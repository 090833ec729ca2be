from __future__ import annotations

import numpy as np
import pytest

from ladderscope.scaling.fitting.objective import Objective, robust_deviation
from ladderscope.scaling.medians import weighted_median


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_equal_weights_give_the_median(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    assert weighted_median(values, np.full(n, 0.1)) == np.median(values)


@pytest.mark.parametrize("seed", range(4))
def test_a_weight_of_two_is_two_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=9), rng.integers(1, 4, size=9)
    repeated = np.repeat(values, weights)
    assert weighted_median(values, weights.astype(float)) == np.median(repeated)
    assert robust_deviation(values, weights.astype(float)) == pytest.approx(robust_deviation(repeated))


def test_the_delta_of_hubers_loss_is_settled_by_the_points_that_count() -> None:
    residuals = np.array([0.01, -0.01, 0.01, -0.01, 1.0, -1.0, 1.0, -1.0, 1.0])
    weights = np.where(np.abs(residuals) > 0.5, 1e-3, 1.0)
    delta = Objective().settled(residuals, weights).delta
    assert delta is not None
    assert delta < 0.05


def test_of_nothing_there_is_no_median() -> None:
    assert np.isnan(weighted_median(np.zeros(0), np.zeros(0)))
