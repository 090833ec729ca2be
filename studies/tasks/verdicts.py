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
    gaps = _gaps(side, results, qlora.learned, bounds["equivalence-confidence"])
    answer = CANNOT_TELL if _ends(qlora.gained)[0] <= 0 else answer_of(gaps, bounds["margin"])
    return Verdict(claim, answer, _why(side, gaps, qlora, bounds), basis)


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


def _why(side: str, gaps: Gaps, qlora: Qlora, bounds: Mapping[str, float]) -> str:
    margin, confidence = bounds["margin"], bounds["equivalence-confidence"]
    equal = points_with_interval(gaps.equal, confidence)
    why = (
        f"At equal data, {side}'s accuracy is {equal} against QLoRA's, mean over {len(TASK_NAMES)} tasks; the margin "
        f"is {points(margin)[1:]}."
    )
    if gaps.on_learned is not None:
        names, found = ", ".join(qlora.learned), points_with_interval(gaps.on_learned, confidence)
        why += f" On what QLoRA has learned something of ({names}) it is {found}."
    why += f" With twice the steps, over all tasks, it is {points_with_interval(gaps.twice, confidence)}."
    if _is_inferior(gaps.equal, margin) and not _is_inferior(gaps.twice, margin):
        why += " So it is inferior at equal data alone, but was not shown to be at about QLoRA's compute."
    gained = points_with_interval(qlora.gained, bounds["confidence"])
    return f"{why} QLoRA itself is {gained} against the backbone as it is."


def _is_inferior(gap: MeanInterval, margin: float) -> bool:
    return _ends(gap)[1] < -margin


def _known(gap: MeanInterval | None) -> MeanInterval:
    assert gap is not None  # every cell is there
    return gap


def _ends(found: MeanInterval) -> tuple[float, float]:
    assert found.low is not None  # differences of answers always have ends
    assert found.high is not None
    return found.low, found.high
