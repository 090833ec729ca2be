"""Numbers as the tables and sentences of studies show them."""

from __future__ import annotations

import math

from ladderscope.studies.intervals import MeanInterval

METHOD_NAMES = {"qlora": "QLoRA", "ladder": "Ladder", "xladder": "xLadder", "qst": "QST", "lst": "LST"}
"""Methods as sentences name them."""


def percent(log_ratio: float, digits: int = 1) -> str:
    """The logarithm of a ratio as percent above or below one; what rounds to zero has no sign."""
    text = f"{100 * math.expm1(log_ratio):+.{digits}f}"
    return f"{text if float(text) else text[1:]}%"


def interval_text(found: MeanInterval, digits: int = 1) -> str:
    """A mean of logarithms of ratios with its ends, as percent."""
    if found.low is None or found.high is None:
        return percent(found.mean, digits)
    return f"{percent(found.mean, digits)} ({percent(found.low, digits)} to {percent(found.high, digits)})"


def against_text(found: MeanInterval, other: str, confidence: float) -> str:
    """The same in a sentence: ``"7.4% below QLoRA's (95% interval -14.4% to +0.2%)"``."""
    text = percent(found.mean)
    size = text.lstrip("+-")
    said = f"that of {other}" if size == text else f"{size} {'below' if found.mean < 0 else 'above'} that of {other}"
    if found.low is None or found.high is None:
        return said
    return f"{said} ({confidence:.0%} interval {percent(found.low)} to {percent(found.high)})"


def share_text(share: float) -> str:
    """A share without a sign, as percent."""
    return f"{100 * share:.3g}%"
