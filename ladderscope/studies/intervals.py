"""Means with intervals, and accuracies of two methods on the same items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladderscope.records import Answers
from ladderscope.studies.resampling import RESAMPLES, drawn_means, independent_items

if TYPE_CHECKING:
    import numpy as np


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
    """Ends of the interval of one run's share of right answers; see :func:`mean_accuracy`."""
    found = mean_accuracy([answers], confidence)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def mean_accuracy(runs: Sequence[Answers], confidence: float) -> MeanInterval:
    """Mean share of right answers of at least one run, with an interval over items.

    Each item counts once: what runs answered to it is averaged before. The interval is Wilson's, at as many
    independent items as there are; where items belong together, at their number over Kish's design effect (the
    variance of the mean over groups, against that over items), and at the number of groups where all items are
    alike. What another run would do is not in it.

    Raises:
        ValueError: the runs answered other items.
    """
    items = _of_same_items(runs).mean(axis=0)
    share, independent = float(items.mean()), independent_items(items, runs[0].groups)
    low, high = _wilson(share, independent, confidence)
    return MeanInterval(share, low, high, len(items))


def accuracy_difference(
    first: Mapping[str, Sequence[Answers]], second: Mapping[str, Sequence[Answers]], confidence: float
) -> MeanInterval:
    """Mean over test sets of first's accuracy minus second's, with a paired bootstrap interval.

    In every draw, the items of each set are drawn anew, the same for both methods and for all their runs, groups of
    items as a whole where there are any. Runs are drawn anew too where there is more than one: a run of one method
    goes with that of the other at the same place. Their deviations from their mean are drawn larger by
    sqrt(n / (n - 1)), since n runs deviate less from their own mean than from that of all. So an interval from single
    runs is about items, not about what another seed would do.

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
    gaps, draws = [], np.zeros(RESAMPLES)
    for stream, name in enumerate(sorted(first)):
        mine, theirs = first[name], second[name]
        if len(mine) != len(theirs):
            raise ValueError(f"the methods have {len(mine)} and {len(theirs)} runs of {name}: both need the same")
        _ = _of_same_items([*mine, *theirs])
        table = _bits(mine) - _bits(theirs)  # (runs, items)
        gaps.append(float(table.mean()))
        draws += drawn_means(table, mine[0].groups, stream) / len(first)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return MeanInterval(math.fsum(gaps) / len(gaps), float(low), float(high), len(gaps))


def _wilson(share: float, number: float, confidence: float) -> tuple[float, float]:
    from scipy import stats

    z = float(stats.norm.isf((1 - confidence) / 2))
    middle = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * math.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _of_same_items(runs: Sequence[Answers]) -> np.ndarray:
    """(runs, items), 1 where the answer is right.

    Raises:
        ValueError: other items, as far as they are told apart.
    """
    if len({(len(one.correct), tuple(one.groups), one.items) for one in runs}) != 1:
        raise ValueError("the runs answered other items: only answers to the same ones can be compared")
    return _bits(runs)


def _bits(runs: Sequence[Answers]) -> np.ndarray:
    import numpy as np

    return np.array([[character == "1" for character in one.correct] for one in runs], dtype=float)
