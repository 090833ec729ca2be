"""The local slopes of two methods, compared: the estimand that decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.comparison.equivalence import TwoSlopes
from ladderscope.scaling.comparison.joint import JointPoints
from ladderscope.scaling.comparison.judgement import judged, without_verdict
from ladderscope.scaling.comparison.local_slope import Lines, even_ranges, pooled_lines
from ladderscope.scaling.comparison.per_run import per_run_slopes
from ladderscope.scaling.comparison.power import FEWEST_DECIDING
from ladderscope.scaling.results.comparison import SlopeComparison
from ladderscope.scaling.results.estimates import Ends
from ladderscope.scaling.settings import FitSettings

LOCAL = "local log-log slope"
PER_RUN = "mean slope within runs"
NO_RANGE = "the ranges of the predictor do not overlap, so there is no slope that both have"
NOT_IDENTIFIED = "too few runs in the shared range: without one of them, the slope is not known"
NO_LOGARITHM = "the response is not positive everywhere, so it has no log-log slope"
UNEVEN = (
    "the methods sample the shared range unevenly, so that a curved law gives them different local slopes: read the "
    "exponents of the law too"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalComparison:
    """The local slopes, the lines that they belong to, and what speaks against them."""

    slopes: list[SlopeComparison]
    lines: Lines | None
    notes: list[str]


def compare_local_slopes(
    joint: JointPoints, ends: Ends | None, settings: FitSettings, *, falls: bool
) -> LocalComparison:
    """The slope of pooled points, and where all runs have checkpoints the mean slope of single runs.

    A response that is not positive has neither.

    Args:
        falls: whether a slope that is not negative makes no sense.
    """
    if ends is None:
        return LocalComparison(slopes=[without_verdict(LOCAL, NO_RANGE, FEWEST_DECIDING)], lines=None, notes=[])
    inside = joint.within(ends)
    if np.any(inside.points.y <= 0):
        return LocalComparison(slopes=[without_verdict(LOCAL, NO_LOGARITHM)], lines=None, notes=[])
    n_runs = min(inside.n_runs)
    lines = pooled_lines(inside) if n_runs > 2 else None
    if lines is None:
        reason = f"{n_runs} runs per method in the shared range: at least {FEWEST_DECIDING}" if n_runs < 3 else None
        return LocalComparison(
            slopes=[without_verdict(LOCAL, reason or NOT_IDENTIFIED, FEWEST_DECIDING)], lines=None, notes=[]
        )
    unit = "pair" if joint.paired else "run"
    pooled = TwoSlopes.of(lines.estimates, *Lines.SLOPES)
    slopes = [_judged(LOCAL, pooled, inside, settings, f"CR3, the jackknife by {unit}", falls)]
    single = per_run_slopes(inside)
    if single is not None:
        slopes.append(_judged(PER_RUN, TwoSlopes.of(single, 0, 1), inside, settings, f"t-test over {unit}s", falls))
    return LocalComparison(slopes=slopes, lines=lines, notes=[] if even_ranges(inside) else [UNEVEN])


def _judged(
    estimand: str, slopes: TwoSlopes, joint: JointPoints, settings: FitSettings, method: str, falls: bool
) -> SlopeComparison:
    rising = falls and max(float(slopes.first), float(slopes.second)) >= 0
    return judged(
        estimand,
        slopes,
        margin=settings.margin,
        confidence=settings.confidence,
        n_runs=joint.n_runs,
        what="pairs of runs" if joint.paired else "runs per method",
        method=method,
        objection="the response does not fall over the shared range, so there is no scaling to compare"
        if rising
        else None,
    )
