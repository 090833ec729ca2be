"""Are two slopes equal up to a margin? Two one-sided tests of their ratio (Schuirmann 1987, Fieller 1954).

The margin is relative to the second slope, which is itself uncertain. So the tests are of ``first - (1 + m) second``
and ``first - (1 - m) second``, whose standard errors know that; their inversion is Fieller's interval of the ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.points import BoolArray, FloatArray
from ladderscope.scaling.results.comparison import Verdict
from ladderscope.scaling.results.estimates import Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSlopes:
    """Two slopes with their joint covariance; all of one shape, scalars or one entry per simulated data set."""

    first: FloatArray
    second: FloatArray
    variance_first: FloatArray
    covariance: FloatArray
    variance_second: FloatArray
    freedom: FloatArray

    @classmethod
    def of(cls, estimates: Jackknifed, first: int, second: int) -> TwoSlopes:
        """The entries ``first`` and ``second`` of ``estimates``; degrees of freedom are those of the difference."""
        matrix = estimates.covariance()
        difference = np.zeros(len(estimates.value))
        difference[first], difference[second] = 1.0, -1.0
        return cls(
            first=np.asarray(estimates.value[first]),
            second=np.asarray(estimates.value[second]),
            variance_first=matrix[first, first],
            covariance=matrix[first, second],
            variance_second=matrix[second, second],
            freedom=estimates.contrast(difference).freedom,
        )

    def with_runs(self, first: float, second: float) -> TwoSlopes:
        """What the covariance would be with so many times the runs of each method."""
        return replace(
            self,
            variance_first=self.variance_first / first,
            covariance=self.covariance / np.sqrt(first * second),
            variance_second=self.variance_second / second,
        )

    def excess(self, ratio: float) -> tuple[FloatArray, FloatArray]:
        """``first - ratio second``, counted in the direction of ``second``, and its standard error."""
        variance = self.variance_first - 2 * ratio * self.covariance + ratio**2 * self.variance_second
        return np.sign(self.second) * (self.first - ratio * self.second), np.sqrt(np.maximum(variance, 0))

    def p_difference(self) -> FloatArray:
        """Two-sided p of slopes that are the same."""
        return np.asarray(2 * stats.t.sf(np.abs(_ratio(*self.excess(1.0))), self.freedom))

    def p_equivalence(self, margin: float) -> FloatArray:
        """p of a ratio outside of 1 - ``margin`` to 1 + ``margin``: the larger one of two one-sided tests."""
        above = stats.t.cdf(_ratio(*self.excess(1 + margin)), self.freedom)
        below = stats.t.sf(_ratio(*self.excess(1 - margin)), self.freedom)
        return np.asarray(np.maximum(above, below))

    def ratio_interval(self, level: float) -> Ends | None:
        """Fieller's interval of first / second from two one-sided tests at ``level``; ``None``: it is unbounded.

        Unbounded means that the second slope could be zero.
        """
        t2 = float(stats.t.isf(level, self.freedom)) ** 2
        return between_roots(
            float(self.second**2 - t2 * self.variance_second),
            float(self.first * self.second - t2 * self.covariance),
            float(self.first**2 - t2 * self.variance_first),
        )


def between_roots(a: float, b: float, c: float) -> Ends | None:
    """Where a r^2 - 2 b r + c <= 0, as an interval; ``None`` where that is unbounded."""
    if not a > 0:
        return None
    half = np.sqrt(max(b * b - a * c, 0.0))
    return float((b - half) / a), float((b + half) / a)


def verdict_of(p_difference: float, p_equivalence: float, level: float) -> Verdict:
    """``equivalent`` also where slopes differ by less than the margin."""
    if p_equivalence <= level:
        return "equivalent"
    return "different" if p_difference <= level else "inconclusive"


def smallest_margin(interval: Ends | None) -> float | None:
    """The smallest relative margin at which the ratio's ``interval`` is inside of it."""
    return None if interval is None else max(1 - interval[0], interval[1] - 1, 0.0)


def _ratio(value: FloatArray, error: FloatArray) -> FloatArray:
    """``value`` in units of its ``error``; without error, infinitely many of them (0 of 0 are 0)."""
    exact: BoolArray = np.asarray(error) <= np.finfo(float).tiny
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(exact, np.where(value == 0, 0.0, np.sign(value) * np.inf), value / error))
