"""Means with intervals, and accuracies of two methods on the same items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladderscope.records import Answers

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 4000
_SEED = 0


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean and its interval, which is None where a single value leaves it open."""

    mean: float
    low: float | None
    high: float | None
    count: int

    def moved(self, by: float) -> MeanInterval:
        """The same on a scale whose zero is elsewhere."""
        low, high = (None if end is None else end + by for end in (self.low, self.high))
        return MeanInterval(self.mean + by, low, high, self.count)


def mean(values: Sequence[float]) -> float:
    """Of at least one value."""
    return math.fsum(values) / len(values)


def mean_interval(values: Sequence[float], confidence: float) -> MeanInterval:
    """Mean of at least one value with its Student t interval."""
    from scipy import stats

    n, middle = len(values), mean(values)
    if n < 2:
        return MeanInterval(middle, None, None, n)
    error = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (n - 1) / n)
    half = float(stats.t.isf((1 - confidence) / 2, n - 1)) * error
    return MeanInterval(middle, middle - half, middle + half, n)


def accuracy_interval(answers: Answers, confidence: float) -> tuple[float, float]:
    """Wilson's interval of the share of right answers."""
    from scipy import stats

    right = answers.correct.count("1")
    found = stats.binomtest(right, len(answers.correct)).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def accuracy_difference(
    first: Mapping[str, Sequence[Answers]], second: Mapping[str, Sequence[Answers]], confidence: float
) -> MeanInterval:
    """Mean over test sets of first's accuracy minus second's, with a paired bootstrap interval.

    In every draw, the items of each set are drawn anew, the same for both methods and for all their runs, and runs
    are drawn anew too where there is more than one: a run of one method goes with that of the other at the same
    place. So items are what an interval from single runs is about, not what another seed would do.

    Args:
        first: test set -> answers of each run of a method, in the order of their seeds.
        second: the same of the other.
        confidence: of the interval, in percentiles.

    Raises:
        ValueError: other test sets, runs or items.
    """
    import numpy as np

    if set(first) != set(second) or not first:
        raise ValueError(f"the methods have answers to {sorted(first)} and {sorted(second)}: both need the same sets")
    rng = np.random.default_rng(_SEED)
    gaps, draws = [], np.zeros(RESAMPLES)
    for name in sorted(first):
        table = _bits(first[name]) - _bits(second[name])  # (runs, items)
        gaps.append(float(table.mean()))
        runs, items = table.shape
        if runs == 1:  # all draws at once, which is a hundred times as fast
            draws += table[0, rng.integers(items, size=(RESAMPLES, items))].mean(axis=1) / len(first)
            continue
        for draw in range(RESAMPLES):
            some = table[rng.integers(runs, size=runs)]
            draws[draw] += some[:, rng.integers(items, size=items)].mean() / len(first)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return MeanInterval(math.fsum(gaps) / len(gaps), float(low), float(high), len(gaps))


def _bits(runs: Sequence[Answers]) -> np.ndarray:
    """(runs, items), 1 where the answer is right."""
    import numpy as np

    return np.array([[character == "1" for character in one.correct] for one in runs], dtype=float)
