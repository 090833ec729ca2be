"""From two slopes to a verdict in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from ladderscope.errors import UsageError
from ladderscope.scaling.comparison.equivalence import TwoSlopes, smallest_margin, verdict_of
from ladderscope.scaling.comparison.power import FEWEST_DECIDING, FEWEST_RUNS, runs_needed
from ladderscope.scaling.results.comparison import SlopeComparison
from ladderscope.scaling.results.estimates import Ends, Estimate
from ladderscope.scaling.text import equivalence_confidence, format_p

LEAST_CONFIDENCE = 0.5


def check_confidence(confidence: float) -> None:
    """Refuses a ``confidence`` at which tests of equivalence are none: their interval would be empty.

    Raises:
        UsageError: it is 50% or less.
    """
    if confidence <= LEAST_CONFIDENCE:
        raise UsageError(
            f"a comparison takes a confidence of more than {LEAST_CONFIDENCE:.0%}, not {100 * confidence:.3g}%: "
            "two slopes would pass as equivalent and as different by chance alone. Choose a larger --confidence."
        )


def without_verdict(estimand: str, reason: str, needed: int | None = None) -> SlopeComparison:
    """A slope that could not be estimated."""
    none = Estimate(reason=reason)
    return SlopeComparison(
        estimand=estimand,
        first=none,
        second=none,
        difference=none,
        verdict="inconclusive",
        reason=reason,
        runs_needed=needed,
    )


def judged(
    estimand: str,
    slopes: TwoSlopes,
    *,
    margin: float,
    confidence: float,
    n_runs: tuple[int, int],
    what: str,
    method: str,
    objection: str | None = None,
) -> SlopeComparison:
    """The verdict on ``slopes``.

    Args:
        n_runs: of each method; of pairs, their number twice.
        what: ``"pairs"`` or ``"runs per method"``.
        method: how standard errors were made.
        objection: why there can be no verdict, whatever the numbers.
    """
    level = 1 - confidence
    freedom = float(slopes.freedom)
    gap = float(slopes.first - slopes.second)
    found = SlopeComparison(
        estimand=estimand,
        first=_estimate(float(slopes.first), float(slopes.variance_first), freedom, level),
        second=_estimate(float(slopes.second), float(slopes.variance_second), freedom, level),
        difference=_estimate(gap, float(slopes.excess(1.0)[1]) ** 2, freedom, level),
        verdict="inconclusive",
        reason="",
        equivalence_interval=slopes.ratio_interval(level),
        standard_error_method=method,
        degrees_of_freedom=freedom,
        runs_needed=runs_needed(slopes, margin, level, n_runs),
    )
    if min(n_runs) < FEWEST_RUNS:
        return replace(found, reason=_too_few(found, min(n_runs), what))
    tested = replace(
        found,
        p_difference=float(slopes.p_difference()),
        p_equivalence=float(slopes.p_equivalence(margin)),
        smallest_margin=smallest_margin(found.equivalence_interval),
    )
    if objection is not None:
        return replace(tested, p_equivalence=None, reason=objection)
    return decided(tested, margin, confidence)


def decided(slopes: SlopeComparison, margin: float, confidence: float, *, adjusted_for: int = 1) -> SlopeComparison:
    """``slopes`` with the verdict of their p-values, adjusted by Holm for ``adjusted_for`` comparisons."""
    p_difference, p_equivalence = slopes.p_difference_holm, slopes.p_equivalence_holm
    if p_difference is None or p_equivalence is None:
        p_difference, p_equivalence = slopes.p_difference, slopes.p_equivalence
    if p_difference is None or p_equivalence is None:
        return slopes
    level = 1 - confidence
    verdict = verdict_of(p_difference, p_equivalence, level)
    sentence = _ratio_sentence(slopes, margin, confidence)
    sentence += _taken_back(slopes.p_equivalence, p_equivalence, level, adjusted_for)
    if verdict == "equivalent":
        more = ": they differ, but by less than the margin" if p_difference <= level else ""
    else:
        more = f", and their difference is {_interval(slopes.difference)}"
    if verdict == "inconclusive":
        alone = _taken_back(slopes.p_difference, p_difference, level, adjusted_for)
        more += f", which leaves out zero{alone}" if alone else ""
        more += ", so it could be zero"
        more += needed_text(slopes) if adjusted_for == 1 else ""
    if adjusted_for > 1:
        more += f" (p-values adjusted for {adjusted_for} comparisons, by Holm's method)"
    return replace(slopes, verdict=verdict, reason=sentence + more)


def _taken_back(p: float | None, adjusted: float, level: float, number: int) -> str:
    """What the adjustment takes from an interval, which is that of a single comparison; empty where it is nothing."""
    if p is None or not p <= level < adjusted:
        return ""
    return f" as a single comparison (p {format_p(p)}) but not as one of {number} (p {format_p(adjusted)})"


def needed_text(slopes: SlopeComparison) -> str:
    """What it would take, as the end of a sentence."""
    if slopes.runs_needed is None:
        return ""
    return f"; if the slopes are the same in truth, it takes about {slopes.runs_needed} runs per method to show it"


def _ratio_sentence(slopes: SlopeComparison, margin: float, confidence: float) -> str:
    share = equivalence_confidence(confidence)
    target = f"{1 - margin:.3g} to {1 + margin:.3g}"
    first, second = slopes.first.value, slopes.second.value
    ratio = np.nan if first is None or not second else first / second
    interval = slopes.equivalence_interval
    if interval is None:
        return f"the slopes' ratio is {ratio:.3g} without bounds ({share}), because the second slope could be zero"
    where = "inside of" if _inside(interval, margin) else "not inside of"
    return f"the slopes' ratio is {ratio:.3g} [{interval[0]:.3g}, {interval[1]:.3g}] ({share}), {where} {target}"


def _inside(interval: Ends, margin: float) -> bool:
    return 1 - margin <= interval[0] and interval[1] <= 1 + margin


def _too_few(slopes: SlopeComparison, n_runs: int, what: str) -> str:
    few = f"{n_runs} {what} are too few for a verdict: it takes at least {FEWEST_RUNS}"
    if slopes.runs_needed is None:
        return few
    needed = max(slopes.runs_needed, FEWEST_DECIDING)
    return f"{few}, and by the scatter of these about {needed} would show slopes that are the same in truth to be so"


def _estimate(value: float, variance: float, freedom: float, level: float) -> Estimate:
    error = float(np.sqrt(max(variance, 0.0)))
    half = float(stats.t.isf(level / 2, freedom)) * error
    return Estimate(value, value - half, value + half, error)


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
