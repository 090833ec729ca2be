"""What comparisons of variants with the reference say, with their numbers."""

from __future__ import annotations

from collections.abc import Mapping

from ladderscope.studies.families import Compared, Side, all_below, compare_all, side_of
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.studies.intervals import MeanInterval, mean_interval
from ladderscope.studies.texts import interval_text
from ladderscope.studies.variants.records import Axis, Runs, differences

HOLDS, DOES_NOT_HOLD = ANSWERS["own"]
Comparisons = Mapping[str, Compared | None]
"""Variant -> mean over seeds of the reference's log loss minus its own; None where nothing can be compared."""


def against_reference(
    runs: Runs, axis: Axis, bounds: Mapping[str, float], allowed: Mapping[str, float] | None = None
) -> Comparisons:
    """The reference against every other variant of the runs, one family.

    Args:
        runs: of the family.
        axis: what is made equal.
        bounds: ``confidence``.
        allowed: variant -> by how much the reference may be above it; what is given is the difference beyond that.
    """
    reference, given = runs.plan.reference.name, allowed or {}
    family = {
        one.name: [gap - given.get(one.name, 0.0) for gap in differences(runs, axis, reference, one.name).values()]
        for one in runs.plan.others
    }
    return compare_all(family, bounds["confidence"])


def lowest(
    claim: str,
    runs: Runs,
    axis: Axis,
    bounds: Mapping[str, float],
    *,
    allowed: Mapping[str, float] | None = None,
    answers: tuple[Answer, Answer] = (HOLDS, DOES_NOT_HOLD),
) -> Verdict:
    """Whether the reference's loss is below that of every other variant of the runs, an intersection-union test.

    Args:
        claim: its id.
        runs: of the family.
        axis: what is made equal.
        bounds: ``confidence``.
        allowed: as for :func:`against_reference`.
        answers: where it is, and where it is not.
    """
    missing = runs.missing(axis)
    if missing:
        return Verdict(claim, CANNOT_TELL, missing, None)
    found, given = against_reference(runs, axis, bounds, allowed), allowed or {}
    by_side: dict[Side, Answer] = {"below": answers[0], "above": answers[1], "open": CANNOT_TELL}
    plain = {name: one.plain.moved(given.get(name, 0.0)) if one else None for name, one in found.items()}
    above = [name for name, one in found.items() if one is not None and side_of(one.adjusted) == "above"]
    why = (
        f"{runs.plan.reference.name} at equal {axis}, {_listed(plain)} ({bounds['confidence']:.0%} t intervals over "
        f"{len(runs.plan.seeds)} seeds, each by itself)."
    )
    if above:
        why += f" Adjusted by Holm, too high against {', '.join(above)}."
    return Verdict(claim, by_side[all_below(found.values())], why, runs.basis(axis))


def equivalent(claim: str, runs: Runs, bounds: Mapping[str, float]) -> Verdict:
    """Whether every other variant's loss at equal width is within ``bounds["margin"]`` of the reference's.

    Two one-sided tests for each (Schuirmann 1987); all of them must pass, so that none needs an adjustment.
    """
    missing = runs.missing("width")
    if missing:
        return Verdict(claim, CANNOT_TELL, missing, None)
    margin, level, reference = bounds["margin"], 1 - bounds["confidence"], runs.plan.reference.name
    gaps = {one.name: list(differences(runs, "width", reference, one.name).values()) for one in runs.plan.others}
    tested = {name: mean_interval(some, 1 - 2 * level) for name, some in gaps.items()}
    wide = [mean_interval(some, 1 - level / len(gaps)) for some in gaps.values()]
    answer: Answer = DOES_NOT_HOLD if any(_is_beyond(one, margin) for one in wide) else CANNOT_TELL
    if all(_is_within(one, margin) for one in tested.values()):
        answer = HOLDS
    why = (
        f"{reference} at equal width, {_listed(tested)} ({1 - 2 * level:.0%} t intervals over {len(runs.plan.seeds)} "
        "seeds)."
    )
    return Verdict(claim, answer, why, runs.basis())


def said_of(found: Comparisons) -> str:
    """The variants by what is shown of the reference against each, in words."""
    words = {
        "below": "lower loss than",
        "above": "beaten by",
        "plain below": "lower, but not after Holm's adjustment, than",
        "plain above": "higher, but not after Holm's adjustment, than",
        "open": "not told apart from",
    }
    said: dict[str, list[str]] = {key: [] for key in words}
    for name, one in found.items():
        said[_shown_side(one)].append(name)
    return "; ".join(f"{words[key]} {', '.join(names)}" for key, names in said.items() if names)


def _shown_side(one: Compared | None) -> str:
    if one is None:
        return "open"
    plain, adjusted = side_of(one.plain), side_of(one.adjusted)
    return adjusted if adjusted == plain else f"plain {plain}"


def _listed(found: Mapping[str, MeanInterval | None]) -> str:
    return "; ".join(
        f"against {name}: {'not comparable' if one is None else interval_text(one)}" for name, one in found.items()
    )


def _is_within(one: MeanInterval, margin: float) -> bool:
    return one.low is not None and one.high is not None and -margin < one.low and one.high < margin


def _is_beyond(one: MeanInterval, margin: float) -> bool:
    return one.low is not None and one.high is not None and (one.low > margin or one.high < -margin)
