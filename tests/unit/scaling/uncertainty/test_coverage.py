"""Coverage of the quoted intervals in simulated tables; studies/scaling_calibration holds the full study."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import Points
from ladderscope.scaling.uncertainty.covariance import clustered_covariance

DRAWS = 200


@pytest.mark.parametrize("kind", ["ols", "huber"])
def test_95_percent_intervals_of_an_exponent_hold_it_95_percent_of_the_time(kind: str) -> None:
    """Six runs of ten checkpoints, each run with a level and a slope of its own."""
    law = law_named("power-offset")
    theta = law.theta({"E": 1.7, "B": 60.0, "lambda": 0.25})
    x, run = np.tile(np.geomspace(1e7, 1e9, 10), 6)[:, None], np.repeat(np.arange(6), 10)
    along = stats.zscore(np.log(x[:, 0]))
    rng, held = np.random.default_rng(11), 0
    for _ in range(DRAWS):
        level, slope = 0.005 * rng.normal(size=6), 0.003 * rng.normal(size=6)
        deviation = level[run] + slope[run] * along + 0.002 * rng.normal(size=60)
        points = Points.of(x, np.exp(law.prediction(theta, x) + deviation), run=run)
        fitted = fit_law(law, points, Objective(kind=kind), near=theta)  # type: ignore[arg-type]
        covariance = clustered_covariance(fitted, components=False)
        assert covariance is not None
        width = stats.t.ppf(0.975, covariance.degrees_of_freedom) * covariance.standard_errors[2]
        held += int(abs(fitted.theta[2] - theta[2]) <= width)
    fewest, most = (float(stats.binom.ppf(q, DRAWS, p)) for q, p in ((0.005, 0.93), (0.995, 0.97)))
    assert fewest <= held <= most
