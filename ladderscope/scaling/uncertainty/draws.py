"""What a bootstrap gives: refitted parameters, and the intervals that are read from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.fit import refit
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray, Points

Advance = Callable[[int], None]
"""Called with how many resamples were finished since the last call."""
FEWEST_DRAWS = 40
"""Fewer draws have no 2.5% quantile."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Refits to resamples: ``theta`` of each that succeeded, shape (r, k), and how many did not."""

    theta: FloatArray
    failed: int

    @property
    def enough(self) -> bool:
        """Whether intervals can be read: enough draws, and most resamples gave one."""
        return len(self.theta) >= max(FEWEST_DRAWS, self.failed)

    def percentiles(self, confidence: float) -> tuple[FloatArray, FloatArray]:
        """Percentile interval of ``theta``, shape (k,) each."""
        low, high = np.quantile(self.theta, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
        return np.asarray(low), np.asarray(high)


def refits(
    fitted: FittedLaw, resamples: Iterator[Points | None], advance: Advance | None
) -> Iterator[FittedLaw | None]:
    """``fitted`` refitted to each of ``resamples``; ``None`` where there is none, or no optimum."""
    for points in resamples:
        yield _refit(fitted, points) if points is not None else None
        if advance is not None:
            advance(1)


def _refit(fitted: FittedLaw, points: Points) -> FittedLaw | None:
    try:
        with np.errstate(all="ignore"):
            found = refit(fitted, points)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return found if np.all(np.isfinite(found.theta)) and np.isfinite(found.value) else None
