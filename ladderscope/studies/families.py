"""Families of comparisons: intervals that allow for their number, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from ladderscope.studies.intervals import MeanInterval, mean_interval

Side = Literal["below", "above", "open"]
"""Where zero leaves an interval: wholly below zero, wholly above it, or neither."""


def holm_intervals(family: Mapping[str, Sequence[float]], confidence: float) -> dict[str, MeanInterval]:
    """t intervals of the means of a family, by Holm's steps (Holm 1979).

    The mean that is furthest from zero, by its p-value, gets the interval at a level of (1 - confidence) / n, the next
    one at (1 - confidence) / (n - 1), and so on; from the first that holds zero on, all get that one's level. So the
    intervals leave zero out exactly where Holm's test of the family rejects it.

    Args:
        family: what is compared -> its differences. All of them count, those without values too, which are left out
            of the answer; a single value has a mean and no interval.
        confidence: of the family.
    """
    found: dict[str, MeanInterval] = {}
    left, stopped = len(family), False
    for name in sorted((name for name in family if family[name]), key=lambda name: _p_value(family[name])):
        found[name] = mean_interval(family[name], 1 - (1 - confidence) / left)
        stopped = stopped or side_of(found[name]) == "open"
        left -= not stopped
    return {name: found[name] for name in family if name in found}


def side_of(interval: MeanInterval) -> Side:
    """On which side of zero an interval is."""
    if interval.low is None or interval.high is None:
        return "open"
    return "below" if interval.high < 0 else "above" if interval.low > 0 else "open"


def all_sides(intervals: Sequence[MeanInterval | None]) -> Side:
    """Of claims that need every interval below zero: ``below`` if all are, ``above`` if any is above, else ``open``.

    None, where nothing can be compared, leaves it open.
    """
    sides = ["open" if one is None else side_of(one) for one in intervals]
    if "above" in sides:
        return "above"
    return "below" if sides and all(side == "below" for side in sides) else "open"


def _p_value(values: Sequence[float]) -> float:
    """Two-sided, of a t test that the mean is zero; 1 where there is no test."""
    from scipy import stats

    n = len(values)
    if n < 2:
        return 1.0
    mean = math.fsum(values) / n
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, n - 1))
