"""Shares, and differences of shares, for people."""

from __future__ import annotations

import math

from ladderscope.studies.intervals import MeanInterval

UNBOUNDED = "without bounds"
"""An interval from nothing right to all right says nothing; runs that are few and differ much give one."""

ALL_ALIKE = "all alike"
"""In place of an interval without width: differences that do not vary leave nothing to give one from."""
ALL_ALIKE_MEANS = f"{ALL_ALIKE}: the differences do not vary, as where both answer alike, so that there is no interval"


def accuracy_text(share: float) -> str:
    """A share: ``'88.0%'``."""
    return f"{100 * share:.1f}%"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign: ``'-8.8'``."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"  # adding zero makes -0.0 one


def points_with_interval(found: MeanInterval, confidence: float) -> str:
    """A difference with its interval in a sentence: ``'-8.8 points (95% interval -29.3 to +10.9)'``."""
    if is_all_alike(found):
        return f"{points(found.mean)} points ({ALL_ALIKE}, so that no interval can be given)"
    return f"{points(found.mean)} points ({confidence:.0%} interval {ends_of(found)})"


def is_all_alike(found: MeanInterval) -> bool:
    """Whether an interval has no width, as where everything is right with all runs; that is no certainty."""
    return found.low is not None and found.high is not None and math.isclose(found.low, found.high, abs_tol=1e-12)


def ends_of(found: MeanInterval) -> str:
    """``'-29.3 to +10.9'``, of an interval that has ends; in words where it is all that there is, or has no width."""
    if is_all_alike(found):
        return ALL_ALIKE
    assert found.low is not None
    assert found.high is not None
    if found.low <= -1 and found.high >= 1:
        return UNBOUNDED
    return f"{points(found.low)} to {points(found.high)}"
