"""Numbers as the tables and sentences of studies show them."""

from __future__ import annotations

import math

from ladderscope.studies.intervals import MeanInterval


def percent(log_ratio: float, digits: int = 1) -> str:
    """The logarithm of a ratio as percent above or below one; what rounds to zero has no sign."""
    text = f"{100 * math.expm1(log_ratio):+.{digits}f}"
    return f"{text if float(text) else text[1:]}%"


def interval_text(found: MeanInterval, digits: int = 1) -> str:
    """A mean of logarithms of ratios with its ends, as percent."""
    if found.low is None or found.high is None:
        return percent(found.mean, digits)
    return f"{percent(found.mean, digits)} ({percent(found.low, digits)} to {percent(found.high, digits)})"


def share_text(share: float) -> str:
    """A share without a sign, as percent."""
    return f"{100 * share:.3g}%"
