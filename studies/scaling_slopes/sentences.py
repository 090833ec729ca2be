"""What the verdicts on slopes say in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladderscope.studies.findings import CANNOT_TELL, Answer
from ladderscope.studies.intervals import mean_interval
from ladderscope.studies.texts import METHOD_NAMES, against_text, percent, share_text

from .slope_tables import ends_text, ratio_number, ratio_text

if TYPE_CHECKING:
    from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison

_INTERVAL = "90% interval "


def direction_of(found: MethodComparison) -> str:
    """Which way slopes that differ do; empty where their ratio is unknown."""
    from ladderscope.scaling.columns import ratio_of

    ratio = ratio_of(found.slopes[0])
    if ratio is None:
        return ""
    # Not that the loss falls faster or slower: the exponent also holds how its level differs between sizes.
    return f"the fitted exponent is {'larger' if ratio > 1 else 'smaller'}"


def units_sentence(method: str, by_run: MethodComparison, by_backbone: MethodComparison, confidence: float) -> str:
    """The exponent that decides, with either unit of statistics; empty where it is unknown.

    Args:
        method: compared with QLoRA.
        by_run: with runs as the unit.
        by_backbone: with backbones as the unit, whose interval is the one that is told.
        confidence: of the fit, one minus the level of its tests.
    """
    from ladderscope.scaling.columns import ratio_of

    slope = by_backbone.slopes[0]
    ratio = ratio_of(slope)
    if ratio is None:
        return ""
    apart = "" if by_run.verdict == by_backbone.verdict else f", {by_backbone.verdict}"
    return (
        f"By one curve through all sizes {METHOD_NAMES[method]}'s fitted exponent is {ratio_number(ratio)} times "
        f"QLoRA's: {by_run.verdict} with runs as the unit{apart or ' and'} with backbones "
        f"({ends_text(slope, _INTERVAL)}{_taken_back(slope, 1 - confidence)}); this curve takes for slope how the "
        "level of the loss differs from size to size, too."
    )


def _taken_back(slope: SlopeComparison, level: float) -> str:
    """That Holm's adjustment alone keeps slopes from being shown to differ, as their interval does not tell."""
    from ladderscope.scaling.text import format_p

    p, adjusted = slope.p_difference, slope.p_difference_holm
    if slope.verdict != "inconclusive" or p is None or adjusted is None or not p <= level < adjusted:
        return ""
    return (
        f", which as a single comparison would differ: p {format_p(p)}; what decides is the adjustment by Holm over "
        f"all methods: p {format_p(adjusted)}"
    )


def loss_sentence(method: str, gaps: Sequence[float], confidence: float) -> str:
    """What a method's loss is at QLoRA's compute, from the log ratio on each backbone, the smallest first."""
    if not gaps:
        return ""
    gap, ends = mean_interval(gaps, confidence), f"from {percent(gaps[0])} on the smallest to {percent(gaps[-1])}"
    loss = f"{METHOD_NAMES[method]}'s loss is {against_text(gap, 'QLoRA', confidence)}"
    return f"At equal compute {loss}, {ends} on the largest backbone."


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
    return f"Within backbones, at which the rule does not look, the ratio is {ratio}: {found.verdict}."


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
