"""The rule of the study, which is the same for every side network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.shares import points, points_with_interval
from ladderscope.studies.texts import METHOD_NAMES

from .answers import BACKBONE, QLORA, TASK_NAMES, Contestant, Results
from .plan import SAME_DATA, TWICE

REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]


@dataclass(frozen=True, slots=True)
class Qlora:
    """QLoRA against the backbone as it is.

    Attributes:
        gained: accuracy, mean over the tasks.
        learned: the tasks on which it is shown to be more accurate.
        loss_fell: those on which its held-out loss is lower.
    """

    gained: MeanInterval
    learned: Sequence[str]
    loss_fell: Sequence[str]

    @classmethod
    def of(cls, results: Results, learned: Sequence[str], confidence: float) -> Qlora:
        """Of a ledger without holes."""
        gained = _known(results.difference(QLORA, BACKBONE, TASK_NAMES, confidence))
        return cls(gained, learned, list(filter(results.loss_fell, TASK_NAMES)))


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
    nothing = CANNOT_TELL, _nothing_learned(qlora, bounds["confidence"])
    answer, decided = decide(gaps, margin) if is_learned else nothing
    equal = points_with_interval(gaps.equal, bounds["equivalence-confidence"])
    found = (
        f"At equal data, {METHOD_NAMES[side]}'s accuracy is {equal} against QLoRA's, mean over "
        f"{len(TASK_NAMES)} tasks. {decided}"
    )
    return Verdict(claim, answer, f"{found} {_beside(gaps, qlora, bounds)}", basis, found)


def decide(gaps: Gaps, margin: float) -> tuple[Answer, str]:
    """The answer, and the clause of the rule that decides it, as a sentence with its numbers.

    Not inferior by the margin over all tasks and over those that could be learned, or inferior by it, or neither.
    Tasks that nobody learns pull a mean towards 0. That makes it easier to be within the margin and harder to be
    beyond, so that only the former is asked twice. A side network makes two steps for the price of about one, so
    that it is inferior only if twice the steps leave it so.
    """
    answer, clause = _by_twice(gaps, margin) if _is_inferior(gaps.equal, margin) else _by_learned(gaps, margin)
    return answer, f"What decides: {clause}."


def _by_twice(gaps: Gaps, margin: float) -> tuple[Answer, str]:
    """Of a side network that is inferior at equal data."""
    below, high = f"that interval's upper end is below {points(-margin)}", points(_ends(gaps.twice)[1])
    if _is_inferior(gaps.twice, margin):
        return NOT_REPRODUCED, f"{below}, and so is that with twice the steps ({high})"
    return CANNOT_TELL, f"{below}, but that with twice the steps, which cost about what QLoRA's do, is {high}"


def _by_learned(gaps: Gaps, margin: float) -> tuple[Answer, str]:
    """Of one that is not inferior at equal data."""
    bound = points(-margin)
    if _ends(gaps.equal)[0] <= -margin:
        return CANNOT_TELL, f"that interval has {bound} in it"
    if gaps.on_learned is None:
        return CANNOT_TELL, "there is no task on which QLoRA is shown to be more accurate than the backbone as it is"
    low = _ends(gaps.on_learned)[0]
    above = f"that interval is above {bound}"
    if low <= -margin:
        return CANNOT_TELL, f"{above}, but over the tasks that QLoRA has learned the lower end is {points(low)}"
    return REPRODUCED, f"{above}, and so is that over the tasks that QLoRA has learned (lower end {points(low)})"


def _gaps(side: str, results: Results, learned: Sequence[str], confidence: float) -> Gaps:
    equal, twice = (Contestant(side, times) for times in (SAME_DATA, TWICE))
    return Gaps(
        _known(results.difference(equal, QLORA, TASK_NAMES, confidence)),
        results.difference(equal, QLORA, learned, confidence),
        _known(results.difference(twice, QLORA, TASK_NAMES, confidence)),
    )


def _nothing_learned(qlora: Qlora, confidence: float) -> str:
    """Accuracy is what the rule asks for; a loss that falls shows that something was learned all the same."""
    fell = f", though its loss has fallen on {_of_tasks(qlora.loss_fell)}" if qlora.loss_fell else ""
    return (
        f"What decides: QLoRA's own accuracy is {points_with_interval(qlora.gained, confidence)} against that of the "
        f"backbone as it is, so it is not shown to have risen{fell}; and a difference to it does not tell whether a "
        "method is competitive."
    )


def _of_tasks(names: Sequence[str]) -> str:
    if len(names) == len(TASK_NAMES):
        return f"all {len(names)} tasks"
    return f"{len(names)} of {len(TASK_NAMES)} tasks ({', '.join(names)})"


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
