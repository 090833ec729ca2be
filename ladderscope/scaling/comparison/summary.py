"""The verdict of a comparison and what to read with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ladderscope.scaling.comparison.law_comparison import EXPONENTS
from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison, Verdict

READ: dict[Verdict, str] = {
    "equivalent": "the slopes agree up to the margin: read the multiplier, and where it drifts its values at the ends",
    "different": "the slopes differ: read the multipliers at the ends of the shared range and the crossing",
    "inconclusive": "the multiplier holds if the curves are parallel, those at the ends of the range if they are not",
}


def with_slopes(comparison: MethodComparison, slopes: Sequence[SlopeComparison]) -> MethodComparison:
    """``comparison`` with its verdict from ``slopes``, of which the first one decides."""
    verdict, reason = slopes[0].verdict, slopes[0].reason
    notes = [
        note for note in comparison.notes if note not in READ.values() and not note.startswith((OTHERWISE, SHIFTED))
    ]
    others = [slope for slope in slopes[1:] if slope.verdict not in (verdict, "inconclusive")]
    notes += [f"{_otherwise(slopes[0], slope)} {slope.estimand}: {slope.verdict}, {slope.reason}" for slope in others]
    return replace(comparison, verdict=verdict, reason=reason, slopes=list(slopes), notes=[*notes, READ[verdict]])


OTHERWISE = "another slope says otherwise,"
SHIFTED = "at the same x slopes differ, as those of shifted curves with an offset do,"


def _otherwise(deciding: SlopeComparison, other: SlopeComparison) -> str:
    at_the_same_x = deciding.estimand in EXPONENTS.values() and other.estimand not in EXPONENTS.values()
    return SHIFTED if at_the_same_x and other.verdict == "different" else OTHERWISE
