"""What counts as the largest scale."""

from __future__ import annotations

import numpy as np
import pytest

from ladderscope.scaling.choice.holdout import largest_scale, relative_errors, split, why_not
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import Points

GRID = [200.0, 400.0, 800.0, 1600.0, 3200.0]


def test_a_grid_of_sizes_loses_its_largest_size() -> None:
    holdout = split(["D"], Points.of(GRID, np.ones(5)))

    assert holdout is not None
    assert holdout.left_out.x.ravel().tolist() == [3200.0]
    assert holdout.kept.x.ravel().tolist() == GRID[:-1]
    assert (holdout.predictor, holdout.above) == ("D", 1600.0)


def test_sizes_within_five_percent_are_the_same_size() -> None:
    holdout = split(["N"], Points.of([*GRID, 3100.0], np.ones(6)))

    assert holdout is not None
    assert sorted(holdout.left_out.x.ravel()) == [3100.0, 3200.0]


def test_checkpoints_lose_the_top_fifth_of_their_range_in_logarithms() -> None:
    steps = np.geomspace(1, 1e5, 11)
    points = Points.of(np.tile(steps, 3), np.ones(33), run=np.repeat([0, 1, 2], 11))

    holdout = split(["C"], points)

    assert holdout is not None
    assert holdout.left_out.x.min() > 1e4
    assert holdout.kept.x.max() == pytest.approx(1e4)
    assert len(holdout.left_out) == 6


def test_many_scattered_runs_are_treated_as_checkpoints_are() -> None:
    holdout = split(["C"], Points.of(np.geomspace(1, 1e5, 51), np.ones(51)))

    assert holdout is not None
    assert len(holdout.left_out) == 10


def test_with_parameters_and_tokens_the_scale_is_their_product() -> None:
    params, tokens = (axis.ravel() for axis in np.meshgrid([1e6, 1e7, 1e8], [1e8, 1e9]))

    found = largest_scale(["N", "D"], Points.of(np.stack([params, tokens], axis=1), np.ones(6)))

    assert found is not None
    name, above, out = found
    assert name == "N x D"
    assert above == pytest.approx(1e16)
    assert out.tolist() == [False, False, False, False, False, True]


def test_compute_goes_before_other_predictors() -> None:
    x = np.stack([[1.0, 2, 4], [9.0, 3, 1]], axis=1)

    found = largest_scale(["N", "C"], Points.of(x, np.ones(3)))

    assert found is not None
    assert found[0] == "C"
    assert found[2].tolist() == [True, False, False]


def test_a_predictor_that_does_not_vary_is_passed_over() -> None:
    x = np.stack([np.full(5, 8.0), GRID], axis=1)

    found = largest_scale(["R", "D"], Points.of(x, np.ones(5)))

    assert found is not None
    assert found[0] == "D"


def test_nothing_is_left_out_where_nothing_varies() -> None:
    assert split(["x"], Points.of([7.0, 7.0, 7.0], np.ones(3))) is None


def test_a_law_needs_one_value_more_than_it_has_parameters() -> None:
    law = law_named("power-offset")

    assert why_not(law, Points.of([1.0, 2, 4, 8], np.ones(4)), ["C"]) is None
    assert why_not(law, Points.of([1.0, 2, 4, 4], np.ones(4)), ["C"]) == "3 different values of C where 4 are needed"
    assert why_not(law, Points.of([1.0], np.ones(1)), ["C"]) == "C is the same at all points"


def test_a_law_needs_all_of_its_predictors_to_vary() -> None:
    x = np.stack([np.full(9, 1e6), np.geomspace(1e6, 1e9, 9)], axis=1)

    assert why_not(law_named("chinchilla"), Points.of(x, np.ones(9)), ["N", "D"]) == "N is the same at all points"


def test_errors_are_relative_to_the_response() -> None:
    values = {"B": 10.0, "lambda": 0.5}
    x = np.array(GRID)
    y = law_named("power").predict(values, x[:, None])
    fitted = fit_law(law_named("power"), Points.of(x, y))

    errors = relative_errors(fitted, Points.of(x, y / 1.1))

    assert errors == pytest.approx(np.full(5, 0.1), abs=1e-6)
