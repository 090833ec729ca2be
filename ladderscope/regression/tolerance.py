"""How much a measured metric may differ by noise alone, learned from repeated measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence

FALSE_ALARMS = 0.01
"""The share of comparisons without a change in which noise may exceed the tolerance."""
_MEDIAN = math.pi / 2
"""Variance of a median over that of a mean, of many values with normal noise; of few it is smaller."""


def learned_tolerance(before: Sequence[int], after: Sequence[int], *, of_medians: bool = True) -> int:
    """The increase that noise alone exceeds in about 1 of 100 comparisons at most; 0 where ``before`` is not repeated.

    Assumed is that single values vary independently and by as much before as after. The tolerance is Student's t,
    one-sided, times the standard error of the difference of two medians under normal noise, by the pooled spread; and
    never less than the range of the repeats on either side, because memory varies in steps of a block or a segment,
    which has nothing normal about it: a value in the range of what was seen is no news.

    By simulation (``studies/check_tolerance``), noise alone exceeded it in 0.0 to 0.5% of comparisons of 3 with 3, 5
    with 5 and 9 with 9 values, be the noise normal or one step up in a fifth of the runs (a step in every other run:
    1.6% with 3 and 3). What it cannot know: repeats that are equal by chance teach a tolerance of 0. Of comparisons of
    3 values with a single one, under such steps, 10% were false alarms; so repeat on both sides. What it misses: with
    normal noise of standard deviation s, 9 of 10 regressions are found from 5.7 s on with 3 and 3 values, 4.2 s with 5
    and 5, 4.6 s with 9 and 9, where the range decides. One that only some of the repeats show is within their range.

    Args:
        before: the single values of the baseline, in the metric's unit.
        after: those of now; fewer than two say nothing about the spread, and count as one value.
        of_medians: whether medians are compared; otherwise one value of each.
    """
    spreads = [values for values in (before, after) if len(values) > 1]
    if len(before) < 2 or not any(map(_range, spreads)):
        return 0
    from scipy.special import stdtrit

    degrees = sum(len(values) - 1 for values in spreads)
    variance = sum(map(_squares, spreads)) / degrees
    factor = sum(_relative_variance(len(values), of_medians) for values in (before, after))
    bound = stdtrit(degrees, 1 - FALSE_ALARMS) * math.sqrt(variance * factor)
    return max(math.ceil(bound), *map(_range, spreads))


def _range(values: Sequence[int]) -> int:
    return max(values) - min(values)


def _squares(values: Sequence[int]) -> float:
    """The sum of squared deviations from the mean, in whole numbers until the end: large values keep all digits."""
    n = len(values)
    return (n * sum(value * value for value in values) - sum(values) ** 2) / n


def _relative_variance(n: int, of_medians: bool) -> float:
    """Of what is compared, over that of a single value."""
    return _MEDIAN / n if of_medians and n > 1 else 1.0
