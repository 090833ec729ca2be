"""Means with intervals, and accuracies of two methods on the same items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladderscope.records import Answers
from ladderscope.studies.crossed import independent_items, mean_half_width

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
    """Mean over test sets of first's accuracy minus second's, paired by item and run, with a t interval.

    Runs and items are both taken for draws from more, groups of items as a whole where there are any; see
    :func:`ladderscope.studies.crossed.mean_half_width`. A run of one method goes with that of the other at the same
    place, and with those at that place in the other sets: the same seed. An interval from single runs is about items,
    not about what another seed would do. No end is beyond all or nothing.

    Args:
        first: test set -> answers of each run of a method, in the order of their seeds.
        second: the same of the other.
        confidence: of the interval, with two sides.

    Raises:
        ValueError: other test sets, runs or items.
    """
    if set(first) != set(second) or not first:
        raise ValueError(f"the methods have answers to {sorted(first)} and {sorted(second)}: both need the same sets")
    if len({len(runs) for runs in (*first.values(), *second.values())}) != 1:
        counts = ", ".join(f"{len(first[name])} and {len(second[name])} runs of {name}" for name in sorted(first))
        raise ValueError(f"the methods have {counts}: all need the same")
    tables = []
    for name in first:
        _ = _of_same_items([*first[name], *second[name]])
        tables.append(_bits(first[name]) - _bits(second[name]))  # (runs, items)
    middle = mean([float(table.mean()) for table in tables])
    half = mean_half_width(tables, [first[name][0].groups for name in first], confidence)
    return MeanInterval(middle, max(-1.0, middle - half), min(1.0, middle + half), len(tables))


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
