"""The rules of ``study.yaml``; each asks for the same on both backbones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.texts import share_text

from .equal import gap_at_equal_parameters
from .plan import BACKBONES, LARGEST_RANK, REFERENCE, SCALED, USUAL_RANK
from .texts import backbone_text, interval_text
from .trends import beyond_usual_rank, trend_of

SCALES, RANK_FREE, AT_EQUAL_PARAMETERS = "scales", "rank-free", "equal-parameters"
CLAIMS = (SCALES, RANK_FREE, AT_EQUAL_PARAMETERS)
CLAIMED = ("ladder", REFERENCE, SCALED)
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
HOLDS, DOES_NOT_HOLD = ANSWERS["own"]
NAMES = [one.name for one in BACKBONES]
_ALPHAS = (REFERENCE, SCALED)
_TOLD = {"ladder": "Ladder", REFERENCE: "QLoRA with an alpha of 16", SCALED: "QLoRA with one of twice the rank"}


def scales(records: Sequence[Record], bounds: Mapping[str, float], basis: str) -> Verdict:
    """Whether the loss falls with Ladder's width and with QLoRA's rank, by more than what counts as flat."""
    found = {
        method: [trend_of(records, name, method, bounds["confidence"]).change for name in NAMES] for method in CLAIMED
    }
    fall = [[ends(one)[1] < -bounds["flat"] for one in changes] for changes in found.values()]
    flat = {method: all(ends(one)[0] > -bounds["flat"] for one in changes) for method, changes in found.items()}
    is_flat = flat["ladder"] or (flat[REFERENCE] and flat[SCALED])
    answer: Answer = REPRODUCED if all(map(all, fall)) else NOT_REPRODUCED if is_flat else CANNOT_TELL
    listed = "; ".join(f"{method} {_by_backbone(changes)}" for method, changes in found.items())
    decides = _scales_clause(answer, found, fall, share_text(bounds["flat"]))
    why = (
        f"From the smallest size to the largest, the loss changes by this much ({bounds['confidence']:.0%} intervals "
        f"over seeds): {listed}. {decides}"
    )
    return Verdict(SCALES, answer, why, basis)


def _scales_clause(answer: Answer, methods: Iterable[str], fall: Sequence[Sequence[bool]], flat: str) -> str:
    """The clause that decides, as a sentence."""
    if answer == REPRODUCED:
        return f"What decides: each is shown to fall by more than {flat}, on both backbones."
    if answer == NOT_REPRODUCED:
        return f"What decides: Ladder's, or QLoRA's with both alphas, is shown to fall by less than {flat}, on both."
    not_shown = " and ".join(_TOLD[name] for name, some in zip(methods, fall, strict=True) if not all(some))
    return (
        f"What decides: {not_shown} is not shown to fall by more than {flat} on both backbones, and neither "
        "Ladder nor QLoRA with both alphas is shown to fall by less."
    )


def rank_free(records: Sequence[Record], bounds: Mapping[str, float], basis: str) -> Verdict:
    """Whether QLoRA of the largest rank has the loss of rank 8: an equivalence, by two one-sided tests."""
    bound = bounds["equal"]
    narrow, wide = (
        [beyond_usual_rank(records, name, kind, bounds[level]) for kind in _ALPHAS for name in NAMES]
        for level in ("equivalence-confidence", "confidence")
    )
    is_equal = [-bound < ends(one)[0] and ends(one)[1] < bound for one in narrow]
    is_other = [ends(one)[0] > bound or ends(one)[1] < -bound for one in wide]
    answer: Answer = REPRODUCED if all(is_equal) else NOT_REPRODUCED if all(is_other) else CANNOT_TELL
    said = (
        f"QLoRA's loss at rank {LARGEST_RANK} against rank {USUAL_RANK}, with {bounds['equivalence-confidence']:.0%} "
        f"intervals over seeds: {_by_alpha(narrow)}"
    )
    wider, margin = f"with {bounds['confidence']:.0%} intervals: {_by_alpha(wide)}", share_text(bound)
    decides = f"What decides: {_where_clause(is_equal, is_other, margin)}."
    return Verdict(RANK_FREE, answer, f"{said}; {wider}. {decides}", basis, f"{said}. {decides}")


def _where_clause(is_equal: Sequence[bool], is_other: Sequence[bool], margin: str) -> str:
    """Of alpha 16 on both backbones, then of the growing one: where the loss is against the margin."""
    half, where = len(BACKBONES), []
    for start in (0, half):
        cases = set(zip(is_equal[start : start + half], is_other[start : start + half], strict=True))
        inside, outside = cases.pop() if len(cases) == 1 else (False, False)
        where.append(
            "within" if inside else "beyond" if outside else "not shown on both backbones to be within or beyond"
        )
    return f"with an alpha of 16 it is {where[0]} the margin of {margin}, with one of twice the rank {where[1]} it"


def at_equal_parameters(records: Sequence[Record], bounds: Mapping[str, float], basis: str) -> Verdict:
    """Which of Ladder and QLoRA has the lower loss with as many trained parameters."""
    found = [gap_at_equal_parameters(records, name, "ladder", REFERENCE, bounds["confidence"]) for name in NAMES]
    gaps = [one for one in found if one is not None]
    if len(gaps) < len(NAMES):
        why = "On a backbone the two share no range of trained parameters."
        return Verdict(AT_EQUAL_PARAMETERS, CANNOT_TELL, why, basis)
    is_lower, is_higher = all(ends(one)[1] < 0 for one in gaps), all(ends(one)[0] > 0 for one in gaps)
    answer: Answer = HOLDS if is_lower else DOES_NOT_HOLD if is_higher else CANNOT_TELL
    why = (
        "Ladder's loss against QLoRA's, over the numbers of trained parameters that both have "
        f"({bounds['confidence']:.0%} intervals over seeds): {_by_backbone(gaps)}."
    )
    if answer == CANNOT_TELL:
        why += " What decides: these are not shown to be on one side of zero on both backbones."
    return Verdict(AT_EQUAL_PARAMETERS, answer, why, basis)


def ends(interval: MeanInterval) -> tuple[float, float]:
    """Low and high end; without bounds where there is a single value."""
    low, high = interval.low, interval.high
    return (float("-inf"), float("inf")) if low is None or high is None else (low, high)


def _by_alpha(found: Sequence[MeanInterval]) -> str:
    """Of alpha 16 on both backbones, then of the growing one."""
    half = len(BACKBONES)
    return f"{_by_backbone(found[:half])}, and with an alpha of twice the rank {_by_backbone(found[half:])}"


def _by_backbone(found: Sequence[MeanInterval]) -> str:
    return ", ".join(
        f"{interval_text(one)} on {backbone_text(backbone)}" for one, backbone in zip(found, BACKBONES, strict=True)
    )
