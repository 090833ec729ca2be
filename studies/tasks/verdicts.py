"""The rule of the study, which is the same for every side network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.shares import points, points_with_interval

from .answers import BACKBONE, QLORA, TASK_NAMES, Contestant, Results
from .plan import SAME_DATA, TWICE

REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]


@dataclass(frozen=True, slots=True)
class Qlora:
    """What QLoRA gains over the backbone as it is, mean over the tasks, and on which of them it gains at all."""

    gained: MeanInterval
    learned: Sequence[str]

    @classmethod
    def of(cls, results: Results, learned: Sequence[str], confidence: float) -> Qlora:
        """Of a ledger without holes."""
        return cls(_known(results.difference(QLORA, BACKBONE, TASK_NAMES, confidence)), learned)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Accuracy minus QLoRA's: at equal data, on the tasks of which QLoRA learned something, with twice the steps."""

    equal: MeanInterval
    on_learned: MeanInterval | None
    twice: MeanInterval


def verdict_on(
    claim: str, side: str, results: Results, qlora: Qlora, bounds: Mapping[str, float], basis: str
) -> Verdict:
    """Of a ledger without holes."""
    gaps, margin = _gaps(side, results, qlora.learned, bounds["equivalence-confidence"]), bounds["margin"]
    is_learned = _ends(qlora.gained)[0] > 0
    answer = answer_of(gaps, margin) if is_learned else CANNOT_TELL
    decided = decided_by(gaps, margin) if is_learned else _nothing_learned(qlora, bounds["confidence"])
    equal = points_with_interval(gaps.equal, bounds["equivalence-confidence"])
    found = (
        f"At equal data, {side}'s accuracy is {equal} against QLoRA's, mean over {len(TASK_NAMES)} tasks. {decided}"
    )
    return Verdict(claim, answer, f"{found} {_beside(gaps, qlora, bounds)}", basis, found)


def answer_of(gaps: Gaps, margin: float) -> Answer:
    """Not inferior by the margin over all tasks and over those that could be learned, or inferior by it, or neither.

    Tasks that nobody learns pull a mean towards 0. That makes it easier to be within the margin and harder to be
    beyond, so that only the former is asked twice. A side network makes two steps for the price of about one, so
    that it is inferior only if twice the steps leave it so.
    """
    if _is_inferior(gaps.equal, margin) and _is_inferior(gaps.twice, margin):
        return NOT_REPRODUCED
    if gaps.on_learned is not None and min(_ends(gaps.equal)[0], _ends(gaps.on_learned)[0]) > -margin:
        return REPRODUCED
    return CANNOT_TELL


def _gaps(side: str, results: Results, learned: Sequence[str], confidence: float) -> Gaps:
    equal, twice = (Contestant(side, times) for times in (SAME_DATA, TWICE))
    return Gaps(
        _known(results.difference(equal, QLORA, TASK_NAMES, confidence)),
        results.difference(equal, QLORA, learned, confidence),
        _known(results.difference(twice, QLORA, TASK_NAMES, confidence)),
    )


def decided_by(gaps: Gaps, margin: float) -> str:
    """The clause of :func:`answer_of` that decides, as a sentence with its numbers."""
    bound = points(-margin)
    equal, twice = (_ends(gap) for gap in (gaps.equal, gaps.twice))
    if _is_inferior(gaps.equal, margin) and _is_inferior(gaps.twice, margin):
        return (
            f"What decides: that interval's upper end is below {bound}, and so is that with twice the steps "
            f"({points(twice[1])})."
        )
    if _is_inferior(gaps.equal, margin):
        return (
            f"What decides: that interval's upper end is below {bound}, but that with twice the steps, which cost "
            f"about what QLoRA's do, is {points(twice[1])}."
        )
    if equal[0] <= -margin:
        return f"What decides: that interval has {bound} in it."
    if gaps.on_learned is None:
        return "What decides: there is no task whose accuracy QLoRA has shown to raise."
    low = _ends(gaps.on_learned)[0]
    if low <= -margin:
        return (
            f"What decides: that interval is above {bound}, but over the tasks that QLoRA has learned the lower end "
            f"is {points(low)}."
        )
    return (
        f"What decides: that interval is above {bound}, and so is that over the tasks that QLoRA has learned (lower "
        f"end {points(low)})."
    )


def _nothing_learned(qlora: Qlora, confidence: float) -> str:
    return (
        f"What decides: QLoRA's own accuracy is {points_with_interval(qlora.gained, confidence)} against that of the "
        "backbone as it is, so it is not shown to have learned anything, and a difference to it does not tell whether "
        "a method is competitive."
    )


def _beside(gaps: Gaps, qlora: Qlora, bounds: Mapping[str, float]) -> str:
    """The other numbers that the rule asks for."""
    confidence = bounds["equivalence-confidence"]
    why = f"The margin is {points(bounds['margin'])[1:]} points."
    if gaps.on_learned is not None:
        names, found = ", ".join(qlora.learned), points_with_interval(gaps.on_learned, confidence)
        why += f" On the tasks that QLoRA has learned ({names}) the difference is {found}."
    twice = points_with_interval(gaps.twice, confidence)
    why += (
        f" With twice the steps, over all tasks, the difference is {twice}; these are of one seed, and the interval "
        "is over items alone."
    )
    if _ends(qlora.gained)[0] > 0:
        why += f" QLoRA itself is {points_with_interval(qlora.gained, bounds['confidence'])} against the backbone."
    return why


def _is_inferior(gap: MeanInterval, margin: float) -> bool:
    return _ends(gap)[1] < -margin


def _known(gap: MeanInterval | None) -> MeanInterval:
    assert gap is not None  # every cell is there
    return gap


def _ends(found: MeanInterval) -> tuple[float, float]:
    assert found.low is not None  # differences of answers always have ends
    assert found.high is not None
    return found.low, found.high
