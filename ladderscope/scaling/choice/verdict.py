"""One law against another: by two criteria, each with a threshold for what the data can tell.

A criterion is clear where

* held-out error: the errors (medians over groups) differ by a ratio of ``CLEAR_RATIO`` or more, and, with fewer than
  ``MANY_GROUPS`` groups, the larger one is more than ``NOISE_WIDTHS`` deviations of the points around the closest law:
  a smaller error is one that chance alone explains;
* AICc: its sums over groups differ by ``CLEAR_AICC`` or more (Burnham & Anderson 2002: up to 2 both laws have
  substantial support, from 4 on the worse one has considerably less);
* both: with ``MANY_GROUPS`` groups or more, a paired sign test over groups agrees at 5%, so that one odd group cannot
  decide for all of them.

The law with more parameters has to win by both criteria. The simpler one has to predict the largest scale clearly
better, with AICc not against it. AICc alone never speaks for a simpler law: with few points its correction for the
other's parameters is large whatever the data say. All else is a tie, which names the simplest law and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from ladderscope.scaling.choice.judged import Judged
from ladderscope.scaling.points import FloatArray

CLEAR_RATIO = 1.25
CLEAR_AICC = 4.0
NOISE_WIDTHS = 2.0
MANY_GROUPS = 6
"""The fewest groups of which a unanimous sign test is significant at 5%."""
SIGNIFICANT = 0.05
EQUAL_ERRORS = 1e-3
"""Relative difference of held-out errors below which a group has no vote: nested laws at the same optimum."""


@dataclass(frozen=True, slots=True)
class Duel:
    """The outcome between a simpler law and another. Positive: the simpler one is better; 0: the data cannot tell.

    Attributes:
        by_error, by_aicc: by the criterion, -1, 0 or 1.
        split: a criterion is clear for one law over all groups, but groups do not agree on it.
    """

    by_error: int
    by_aicc: int
    split: bool = False

    @property
    def winner(self) -> int:
        """1: the simpler law; -1: the other; 0: undecided."""
        if self.by_error < 0 and self.by_aicc < 0:
            return -1
        return 1 if self.by_error > 0 and self.by_aicc >= 0 else 0

    @property
    def disagree(self) -> bool:
        """Whether the criteria are clear and opposite."""
        return self.by_error * self.by_aicc < 0


def duel(simpler: Sequence[Judged], other: Sequence[Judged], deviation: float) -> Duel:
    """Compare two laws.

    Args:
        simpler, other: the laws on the same groups, in the same order.
        deviation: relative deviation of points around the closest law, the median over groups.
    """
    errors = np.array([[judged.held_out_error for judged in law] for law in (simpler, other)])
    criteria = np.array([[judged.aicc for judged in law] for law in (simpler, other)])
    by_error, error_gains = _by_error(errors, deviation)
    by_aicc, aicc_gains = _by_aicc(criteria)
    many = errors.shape[1] >= MANY_GROUPS
    agreed = [
        by if not many or _agrees(by * gains) else 0 for by, gains in ((by_error, error_gains), (by_aicc, aicc_gains))
    ]
    return Duel(agreed[0], agreed[1], split=agreed != [by_error, by_aicc])


def _by_error(errors: FloatArray, deviation: float) -> tuple[int, FloatArray]:
    """The law that is better over all groups, and by how much the simpler one is better in each that has a vote."""
    first, second = np.median(errors, axis=1)
    smaller, larger = min(first, second), max(first, second)
    gains = (errors[1] - errors[0])[np.abs(errors[0] - errors[1]) > EQUAL_ERRORS * errors.max(axis=0)]
    if larger < CLEAR_RATIO * smaller or larger == smaller:
        return 0, gains
    if errors.shape[1] < MANY_GROUPS:
        return (int(np.sign(second - first)) if larger > NOISE_WIDTHS * deviation else 0), gains
    return int(np.sign(second - first)), gains


def _by_aicc(criteria: FloatArray) -> tuple[int, FloatArray]:
    """As :func:`_by_error`."""
    gains = criteria[1] - criteria[0]
    total = float(gains.sum())
    return (int(np.sign(total)) if abs(total) >= CLEAR_AICC else 0), gains


def _agrees(gains: FloatArray) -> bool:
    """Whether a two-sided sign test says that ``gains`` of groups are positive."""
    positive = int(np.sum(gains > 0))
    if 2 * positive <= len(gains):
        return False
    return bool(binomtest(positive, len(gains)).pvalue < SIGNIFICANT)
