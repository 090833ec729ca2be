"""What the verdicts on slopes say in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladderscope.studies.findings import CANNOT_TELL, NOTHING, Answer
from ladderscope.studies.intervals import mean_interval
from ladderscope.studies.texts import against_text, percent, share_text

from .slope_tables import ratio_text

if TYPE_CHECKING:
    from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison

_NAMES = {"ladder": "Ladder", "xladder": "xLadder", "lst": "LST"}
_INTERVAL = "90% interval "


def direction_of(found: MethodComparison) -> str:
    """Which way slopes that differ do; empty where their ratio is unknown."""
    from ladderscope.scaling.columns import ratio_of

    ratio = ratio_of(found.slopes[0])
    if ratio is None:
        return ""
    return (
        "the slope is steeper, the loss falls faster" if ratio > 1 else "the slope is flatter, the loss falls slower"
    )


def units_sentence(method: str, by_run: MethodComparison, by_backbone: MethodComparison, direction: str) -> str:
    """The slope that decides, with either unit of statistics; empty where it is unknown.

    Args:
        method: compared with QLoRA.
        by_run: with runs as the unit.
        by_backbone: with backbones as the unit.
        direction: that of a verdict that they differ, or nothing.
    """
    of_run, of_backbone = (ratio_text(one.slopes[0], _INTERVAL) for one in (by_run, by_backbone))
    if NOTHING in (of_run, of_backbone):
        return ""
    (ratio, ends), (_, ends_of_backbone) = (text.split(" ", 1) for text in (of_run, of_backbone))
    way = f" ({direction})" if direction else ""
    return (
        f"By one curve through all sizes, by which the rule decides, {_NAMES[method]}'s slope is {ratio} times "
        f"QLoRA's{way}: {by_run.verdict} with runs as the unit {ends}, {by_backbone.verdict} with backbones "
        f"{ends_of_backbone}."
    )


def loss_sentence(gaps: Sequence[float], confidence: float) -> str:
    """What a method's loss is at QLoRA's compute, from the log ratio on each backbone, the smallest first."""
    if not gaps:
        return ""
    gap, ends = mean_interval(gaps, confidence), f"from {percent(gaps[0])} on the smallest to {percent(gaps[-1])}"
    return f"At equal compute its loss is {against_text(gap, 'QLoRA', confidence)}, {ends} on the largest backbone."


def margin_sentence(answer: Answer, units: Sequence[MethodComparison]) -> str:
    """Within what the slopes would have been shown to be equal with every unit, where nothing can be told."""
    if answer != CANNOT_TELL:
        return ""
    margins = [one.slopes[0].smallest_margin for one in units]
    shown = [margin for margin in margins if margin is not None]
    if len(shown) < len(margins):
        return "The data would have shown equivalence within no margin."
    return f"The data would have shown equivalence only within {share_text(max(shown))} (before the adjustment)."


def within_sentence(found: SlopeComparison) -> str:
    """The slopes within backbones in short."""
    ratio = ratio_text(found, _INTERVAL)
    return f"Within backbones, at which the rule does not look, it is {ratio} times QLoRA's: {found.verdict}."


def whole_within_sentence(found: SlopeComparison, *, differs: bool) -> str:
    """What the slopes within backbones say beside a verdict that the rule takes from a curve through all sizes.

    Args:
        found: the slopes.
        differs: whether they do not bear the verdict out.
    """
    from ladderscope.scaling.text import format_holm

    p = format_holm(found.p_difference, found.p_difference_holm)
    said = (
        "Within backbones, as a review found afterwards, on 2026-11-23, the ratio of mean slopes is "
        f"{ratio_text(found, _INTERVAL)}, p of no difference {p}: {found.verdict}"
    )
    return f"{said}, so that this verdict rests on how losses differ from size to size." if differs else f"{said}."
