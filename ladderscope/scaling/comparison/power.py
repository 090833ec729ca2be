"""How many runs would decide."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ladderscope.scaling.comparison.equivalence import TwoSlopes

FEWEST_RUNS = 5
"""With fewer runs (pairs) of each method there is no verdict: a standard error from so few says little."""
FEWEST_DECIDING = 6
POWER = 0.8
MOST_RUNS = 10_000
RunCounts = tuple[int, int]


def power_of_equivalence(slopes: TwoSlopes, margin: float, level: float, n_now: RunCounts, n_runs: int) -> float:
    """The chance that ``n_runs`` per method show equivalence within ``margin`` if slopes are the same in truth.

    Standard errors shrink with the root of the number of runs, and degrees of freedom grow with it. Each one-sided
    test is a noncentral t; both tests fail at once so rarely where power is of interest that their failures are added
    (Phillips 1990).

    Args:
        n_now: runs of each method that ``slopes`` come from, more than 2; for pairs the same number twice.
    """
    then = slopes.with_runs(n_runs / n_now[0], n_runs / n_now[1])
    freedom = float(slopes.freedom) * (n_runs - 2) / (min(n_now) - 2)
    critical = float(stats.t.isf(level, freedom))
    slope = abs(float(slopes.second))
    failures = 0.0
    for ratio in (1 + margin, 1 - margin):
        error = float(then.excess(ratio)[1])
        if error > 0:
            failures += _noncentral_t(critical, freedom, margin * slope / error)
    return max(0.0, 1 - failures)


def _noncentral_t(t: float, freedom: float, shift: float) -> float:
    """Its distribution function by a normal one (Abramowitz and Stegun 1964, 26.7.10).

    SciPy's own gives NaN for large shifts, and digits beyond the second say nothing about a number of runs.
    """
    return float(stats.norm.cdf((t * (1 - 1 / (4 * freedom)) - shift) / np.sqrt(1 + t * t / (2 * freedom))))


def runs_needed(slopes: TwoSlopes, margin: float, level: float, n_now: RunCounts) -> int | None:
    """The fewest runs (pairs) per method with a power of 80%; at least 6; ``None``: more than 10000, or unknown."""

    def enough(n_runs: int) -> bool:
        return power_of_equivalence(slopes, margin, level, n_now, n_runs) >= POWER

    known = np.isfinite([slopes.excess(ratio) for ratio in (1 + margin, 1 - margin)]).all()
    if min(n_now) <= 2 or not known or not enough(MOST_RUNS):
        return None
    low, high = FEWEST_DECIDING, MOST_RUNS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
