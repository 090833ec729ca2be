"""Families of comparisons: intervals that allow for their number, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ladderscope.studies.intervals import MeanInterval, mean, mean_interval

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


@dataclass(frozen=True, slots=True)
class Compared:
    """A mean of a family with two t intervals.

    Attributes:
        plain: at the confidence itself.
        adjusted: by Holm's steps over the family.
    """

    plain: MeanInterval
    adjusted: MeanInterval

    def moved(self, by: float) -> Compared:
        """The same on a scale whose zero is elsewhere."""
        return Compared(self.plain.moved(by), self.adjusted.moved(by))


def compare_all(family: Mapping[str, Sequence[float]], confidence: float) -> dict[str, Compared | None]:
    """Both intervals of every mean of a family; None where there are no differences."""
    adjusted = holm_intervals(family, confidence)
    return {
        name: Compared(mean_interval(values, confidence), adjusted[name]) if values else None
        for name, values in family.items()
    }


def all_below(found: Iterable[Compared | None]) -> Side:
    """Of a claim that needs every mean of a family below zero.

    ``below`` if every plain interval is: all of them must be, so that together they err no more often than one does,
    without an adjustment (an intersection-union test, Berger 1982). ``above`` if any adjusted interval is: one is
    enough, so that these need it. Else ``open``, as with None, where nothing can be compared.
    """
    known = list(found)
    if any(one is not None and side_of(one.adjusted) == "above" for one in known):
        return "above"
    is_below = all(one is not None and side_of(one.plain) == "below" for one in known)
    return "below" if known and is_below else "open"


def _p_value(values: Sequence[float]) -> float:
    """Two-sided, of a t test that the mean is zero; 1 where there is no test."""
    from scipy import stats

    n = len(values)
    if n < 2:
        return 1.0
    middle = mean(values)
    error = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (n - 1) / n)
    if error == 0:
        return 1.0 if middle == 0 else 0.0
    return float(2 * stats.t.sf(abs(middle) / error, n - 1))
