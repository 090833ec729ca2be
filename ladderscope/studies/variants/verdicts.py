"""What comparisons of variants with the reference say, with their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ladderscope.studies.families import Compared, Side, all_below, compare_all, side_of
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.studies.intervals import MeanInterval, mean_interval
from ladderscope.studies.texts import share_text
from ladderscope.studies.variants.records import Axis, Runs, differences
from ladderscope.studies.variants.sentences import listed, range_of, what_decides

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
    start, decides = f"The loss with {runs.plan.reference.name} at equal {axis}", what_decides(found, given)
    level, seeds = f"{bounds['confidence']:.0%} t intervals", f"{len(runs.plan.seeds)} seeds"
    why = f"{start}, {listed(plain)} ({level} over {seeds}, each by itself). {decides}"
    short = f"{start} is {range_of(plain)} ({level} over {seeds}). {decides}"
    return Verdict(claim, by_side[all_below(found.values())], why, runs.basis_in_words(axis), short)


def equivalent(claim: str, runs: Runs, bounds: Mapping[str, float]) -> Verdict:
    """Whether every other variant's loss at equal width is within ``bounds["margin"]`` of the reference's.

    Two one-sided tests for each (Schuirmann 1987); all of them must pass, so that none needs an adjustment.
    """
    missing = runs.missing("width")
    if missing:
        return Verdict(claim, CANNOT_TELL, missing, None)
    margin, tested = bounds["margin"], _tested(runs, bounds)
    shown = {one.shown(margin) for one in tested.values()}
    answer: Answer = HOLDS if shown == {"within"} else DOES_NOT_HOLD if "beyond" in shown else CANNOT_TELL
    narrow = listed({name: one.narrow for name, one in tested.items()})
    why = (
        f"The loss with {runs.plan.reference.name} at equal width, {narrow} ({_narrow_level(bounds):.0%} t intervals "
        f"over {len(runs.plan.seeds)} seeds); the margin is {share_text(margin)}."
    )
    return Verdict(claim, answer, why, runs.basis_in_words())


def said_of_equivalence(runs: Runs, bounds: Mapping[str, float]) -> str:
    """The variants by what :func:`equivalent` shows of each, in words; before all runs are there, nothing is shown."""
    margin = share_text(bounds["margin"])
    words = {
        "within": f"loss within {margin} of",
        "beyond": f"loss further than {margin} from",
        "open": f"not shown to be within {margin} of",
    }
    said: dict[str, list[str]] = {key: [] for key in words}
    if runs.missing("width"):
        said["open"] = [one.name for one in runs.plan.others]
    else:
        for name, one in _tested(runs, bounds).items():
            said[one.shown(bounds["margin"])].append(name)
    return _in_words(words, said)


@dataclass(frozen=True, slots=True)
class _Tested:
    """A mean difference for a test of equivalence.

    Attributes:
        narrow: interval that two one-sided tests need within the margin.
        wide: interval that holds together with those of the other variants.
    """

    narrow: MeanInterval
    wide: MeanInterval

    def shown(self, margin: float) -> Literal["within", "beyond", "open"]:
        """Where the mean is shown to be."""
        if _is_within(self.narrow, margin):
            return "within"
        return "beyond" if _is_beyond(self.wide, margin) else "open"


def _tested(runs: Runs, bounds: Mapping[str, float]) -> dict[str, _Tested]:
    reference, level = runs.plan.reference.name, 1 - bounds["confidence"]
    gaps = {one.name: list(differences(runs, "width", reference, one.name).values()) for one in runs.plan.others}
    return {
        name: _Tested(mean_interval(some, _narrow_level(bounds)), mean_interval(some, 1 - level / len(gaps)))
        for name, some in gaps.items()
    }


def _narrow_level(bounds: Mapping[str, float]) -> float:
    """Of an interval whose two ends are one-sided tests at one minus the confidence each."""
    return 1 - 2 * (1 - bounds["confidence"])


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
    return _in_words(words, said)


def _in_words(words: Mapping[str, str], said: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{words[key]} {', '.join(names)}" for key, names in said.items() if names)


def _shown_side(one: Compared | None) -> str:
    if one is None:
        return "open"
    plain, adjusted = side_of(one.plain), side_of(one.adjusted)
    return adjusted if adjusted == plain else f"plain {plain}"


def _is_within(one: MeanInterval, margin: float) -> bool:
    return one.low is not None and one.high is not None and -margin < one.low and one.high < margin


def _is_beyond(one: MeanInterval, margin: float) -> bool:
    return one.low is not None and one.high is not None and (one.low > margin or one.high < -margin)
