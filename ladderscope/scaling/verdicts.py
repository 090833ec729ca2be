"""The comparison of two methods in sentences, the verdict first, in words that need no statistics."""

from __future__ import annotations

from ladderscope.scaling.columns import ratio_of
from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.results.scaling_fit import AxisInfo, ScalingFit
from ladderscope.scaling.text import (
    equivalence_confidence,
    format_ends,
    format_interval,
    format_p,
    format_value,
    listed,
    percent,
)


def verdict_sentence(pair: MethodComparison, confidence: float) -> str:
    """The verdict on a pair, what it rests on, and what would change it; ``confidence`` is that of the fit."""
    head = f"{pair.first} and {pair.second}: {pair.verdict}"
    if not pair.slopes or pair.slopes[0].equivalence_interval is None or pair.slopes[0].p_equivalence is None:
        return f"{head}: {_sentence(pair.reason)}"  # nothing was tested
    slope = pair.slopes[0]
    parts = [_ratio_clause(slope, pair.margin, confidence)]
    parts += _difference_clause(slope, pair.verdict)
    if slope.p_equivalence_holm not in (None, slope.p_equivalence):
        # Interval, margin and number of runs are those of this comparison alone; the verdict is not.
        p = _equals(format_p(slope.p_equivalence_holm))
        parts.append(f"after Holm's correction, p {p} for slopes outside of the margin")
        return f"{head}: {'; '.join(parts)}."
    parts.append(_margin_clause(slope, pair))
    if pair.verdict == "inconclusive" and slope.runs_needed:
        parts.append(f"if they are the same in truth, about {slope.runs_needed} runs per method would show it")
    return f"{head}: {'; '.join(parts)}."


def pair_sentences(pair: MethodComparison, fit: ScalingFit) -> list[str]:
    """What else to know about a pair: its design, how much more of the predictor one needs, where they cross."""
    return [
        _design(pair, fit),
        *_multiplier(pair, fit.x[0], fit.y),
        *_crossing(pair, fit.x[0]),
        *(_sentence(note[:1].upper() + note[1:]) for note in pair.notes),
    ]


def _ratio_clause(slope: SlopeComparison, margin: float, confidence: float) -> str:
    low, high = slope.equivalence_interval or (0.0, 0.0)
    inside = 1 - margin <= low and high <= 1 + margin
    ratio = ratio_of(slope)
    value = "" if ratio is None else f" is {format_interval(ratio, low, high, '1').split(' ')[0]},"
    return (
        f"the ratio of the slopes ({slope.estimand}){value} {equivalence_confidence(confidence)} interval "
        f"{format_ends((low, high), '1')}, {'inside of' if inside else 'not inside of'} {1 - margin:.3g} to "
        f"{1 + margin:.3g}"
    )


def _difference_clause(slope: SlopeComparison, verdict: str) -> list[str]:
    if verdict != "different" or slope.difference.value is None:
        return []
    difference = format_interval(slope.difference.value, slope.difference.low, slope.difference.high, "1")
    p = slope.p_difference if slope.p_difference_holm is None else slope.p_difference_holm
    name = "p" if slope.p_difference_holm in (None, slope.p_difference) else "p after Holm"
    return [f"they differ by {difference}" + ("" if p is None else f", {name} {_equals(format_p(p))}")]


def _margin_clause(slope: SlopeComparison, pair: MethodComparison) -> str:
    if slope.smallest_margin is None:
        return "no margin makes them equivalent"
    if pair.verdict == "equivalent":
        return f"that would hold down to a margin of {percent(slope.smallest_margin)}"
    return f"equivalent from a margin of {percent(slope.smallest_margin)}"


def _equals(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"


def _design(pair: MethodComparison, fit: ScalingFit) -> str:
    x = fit.x[0]
    over = "" if pair.shared_range is None else f" over {format_ends(pair.shared_range, x.unit)}"
    margin = f"margin {percent(pair.margin)}"
    if pair.paired:
        by = f" by {listed(pair.pair_keys)}" if pair.pair_keys else ""
        return f"{pair.n_pairs} pairs of runs, matched{by}{over}; {margin}."
    return f"{pair.n_runs[0]} and {pair.n_runs[1]} runs, not paired{over}; {margin}."


def _multiplier(pair: MethodComparison, x: AxisInfo, y: AxisInfo) -> list[str]:
    """One number where the curves are parallel, two where they are not, and all where nobody knows."""
    head = f"For the same {y.label}, {pair.first} needs"
    found = []
    if pair.multiplier.value is not None and pair.verdict != "different":
        condition = " if the curves are parallel" if pair.verdict == "inconclusive" else ""
        found.append(f"{head} {_times(pair.multiplier)} the {x.label} of {pair.second}{condition}.")
    if pair.verdict != "equivalent" or pair.preferred_model not in ("one curve", "parallel") or not found:
        found += [
            f"{head} {_times(one.multiplier)} the {x.label} of {pair.second} "
            f"at {format_value(one.x, x.unit)}, by {one.by}."
            for one in pair.multipliers
            if one.multiplier.value is not None
        ]
    return found or ([f"No multiplier: {_sentence(pair.multiplier.reason)}"] if pair.multiplier.reason else [])


def _times(estimate: Estimate) -> str:
    text = format_interval(estimate.value, estimate.low, estimate.high, "1")
    value, _, interval = text.partition(" ")
    return f"{value} times {interval}".rstrip()


def _crossing(pair: MethodComparison, x: AxisInfo) -> list[str]:
    """Where the curves cross; curves that are parallel up to the margin do not, whatever two numbers' ratio says."""
    if pair.verdict == "equivalent":
        return []
    found = [
        f"{what} cross at {format_interval(one.value, one.low, one.high, x.unit)} of {x.label}."
        for what, one in (("Straight lines", pair.crossing), ("The fitted curves", pair.crossing_by_law))
        if one.value is not None and not (one.low is None and one.high is None)
    ]
    reason = pair.crossing.reason or pair.crossing_by_law.reason
    return found or ([f"No crossing to name: {_sentence(reason)}"] if reason else [])


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
