"""What comparisons of variants with the reference say, with their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ladderscope.studies.families import all_sides, holm_intervals, side_of
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.studies.intervals import MeanInterval, mean_interval
from ladderscope.studies.trained.variant_runs import Axis, Runs, differences

HOLDS, DOES_NOT_HOLD = ANSWERS["own"]
_ANSWERS: dict[str, Answer] = {"below": HOLDS, "above": DOES_NOT_HOLD, "open": CANNOT_TELL}
Intervals = Mapping[str, MeanInterval | None]
"""Variant -> mean of the reference's log loss minus its own, with an interval; None where nothing can be compared."""


def percent(log_ratio: float) -> str:
    """The logarithm of a ratio as percent above or below one."""
    return f"{100 * math.expm1(log_ratio):+.1f}%"


def interval_text(found: MeanInterval) -> str:
    """A mean and its interval, as percent."""
    if found.low is None or found.high is None:
        return percent(found.mean)
    return f"{percent(found.mean)} ({percent(found.low)} to {percent(found.high)})"


def others(runs: Runs) -> list[str]:
    """The variants that are compared with the reference."""
    return [one.name for one in runs.plan.variants[1:]]


def against_reference(runs: Runs, axis: Axis, bounds: Mapping[str, float]) -> Intervals:
    """The reference against every other variant of the runs, one family for Holm.

    Args:
        runs: of the family.
        axis: what is made equal.
        bounds: ``confidence``; ``pairs`` that a comparison needs at least; ``reach`` of curves beyond their ends.
    """
    family = {}
    for name in others(runs):
        found = list(differences(runs, axis, runs.plan.reference.name, name, bounds["reach"]).values())
        family[name] = found if len(found) >= bounds["pairs"] else []
    intervals = holm_intervals(family, bounds["confidence"])
    return {name: intervals.get(name) for name in family}


def lowest(claim: str, runs: Runs, axis: Axis, bounds: Mapping[str, float]) -> Verdict:
    """Whether the reference's loss is below that of every other variant of the runs."""
    missing = runs.missing()
    if missing:
        return Verdict(claim, CANNOT_TELL, missing, None)
    intervals = against_reference(runs, axis, bounds)
    answer = _ANSWERS[all_sides(list(intervals.values()))]
    why = f"{runs.plan.reference.name} at equal {axis}, {_listed(intervals)} (Holm-adjusted, {_level(bounds)})."
    return Verdict(claim, answer, why, runs.basis(axis))


def equivalent(claim: str, runs: Runs, bounds: Mapping[str, float]) -> Verdict:
    """Whether every other variant's loss at equal width is within ``bounds["margin"]`` of the reference's."""
    missing = runs.missing()
    if missing:
        return Verdict(claim, CANNOT_TELL, missing, None)
    margin, level = bounds["margin"], 1 - bounds["confidence"]
    gaps = {name: list(differences(runs, "width", runs.plan.reference.name, name).values()) for name in others(runs)}
    tested = {name: mean_interval(some, 1 - 2 * level) for name, some in gaps.items()}
    wide = [mean_interval(some, 1 - level / len(gaps)) for some in gaps.values()]
    outside = any(one.low is not None and one.high is not None and _beyond(one, margin) for one in wide)
    answer: Answer = DOES_NOT_HOLD if outside else CANNOT_TELL
    if not outside and all(_within(one, margin) for one in tested.values()):
        answer = HOLDS
    why = f"{runs.plan.reference.name} at equal width, {_listed(tested)} ({1 - 2 * level:.0%} intervals)."
    return Verdict(claim, answer, why, runs.basis())


def said_of(intervals: Intervals) -> str:
    """The variants by what is shown of the reference against them, in words."""
    sides: dict[str, list[str]] = {"below": [], "above": [], "open": []}
    for name, interval in intervals.items():
        sides["open" if interval is None else side_of(interval)].append(name)
    words = {"below": "lower loss than", "above": "beaten by", "open": "not told apart from"}
    return "; ".join(f"{words[side]} {', '.join(names)}" for side, names in sides.items() if names)


def _listed(intervals: Intervals) -> str:
    return "; ".join(
        f"against {name}: {'not comparable' if one is None else interval_text(one)}" for name, one in intervals.items()
    )


def _level(bounds: Mapping[str, float]) -> str:
    return f"{bounds['confidence']:.0%}"


def _within(one: MeanInterval, margin: float) -> bool:
    return one.low is not None and one.high is not None and -margin < one.low and one.high < margin


def _beyond(one: MeanInterval, margin: float) -> bool:
    assert one.low is not None
    assert one.high is not None
    return one.low > margin or one.high < -margin
