"""Two methods compared: do they scale alike, and what does one cost against the other?"""

from __future__ import annotations

from ladderscope.scaling.comparison.crossing import crossing_of_lines
from ladderscope.scaling.comparison.deciding import deciding_first
from ladderscope.scaling.comparison.joint import FIRST, SECOND, JointPoints, join
from ladderscope.scaling.comparison.judgement import check_confidence
from ladderscope.scaling.comparison.law_comparison import compare_by_law
from ladderscope.scaling.comparison.local_comparison import compare_local_slopes
from ladderscope.scaling.comparison.models import preferred
from ladderscope.scaling.comparison.multiplier import multipliers_of_lines
from ladderscope.scaling.comparison.pairing import pair_runs
from ladderscope.scaling.comparison.summary import with_slopes
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.results.comparison import MethodComparison
from ladderscope.scaling.results.estimates import Ends, Estimate
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group


def compare_groups(law: Law, first: Group, second: Group, settings: FitSettings) -> MethodComparison:
    """Compare the curves of two groups of runs.

    The verdict is on the exponent of ``law``, or for a law without offset on the local log-log slope over the range
    that both cover (:mod:`~ladderscope.scaling.comparison.deciding`). With it come the other slopes, nested models,
    the multiplier and the crossing. Runs are paired where they match (:func:`pair_runs`). Standard
    errors are jackknives by pair or by run. The margin, ``settings.margin``, is relative to the slope of ``second``.

    Raises:
        UsageError: ``settings.confidence`` is 50% or less.
    """
    check_confidence(settings.confidence)
    pairing = pair_runs(first, second)
    joint = join(first, second, pairing)
    ends = _shared_by(joint)
    local = compare_local_slopes(joint, ends, settings, falls=law.falls)
    by_law = compare_by_law(law, joint, (first.name, second.name), ends, settings)
    lines, confidence = local.lines, settings.confidence
    at_ends = [] if lines is None or ends is None else multipliers_of_lines(lines, ends, confidence)
    slopes = deciding_first([*local.slopes, *by_law.slopes], by_law.models, settings.confidence)
    found = MethodComparison(
        first=first.name,
        second=second.name,
        margin=settings.margin,
        paired=pairing.paired,
        pair_keys=pairing.keys,
        n_pairs=len(pairing.pairs),
        n_runs=(first.points.n_runs, second.points.n_runs),
        verdict=slopes[0].verdict,
        reason=slopes[0].reason,
        shared_range=ends,
        models=by_law.models,
        preferred_model=preferred(by_law.models, 1 - settings.confidence),
        multiplier=by_law.multiplier,
        multipliers=[*at_ends, *by_law.multipliers],
        crossing=Estimate(reason=local.slopes[0].reason)
        if lines is None or ends is None
        else crossing_of_lines(lines, ends, confidence),
        crossing_by_law=by_law.crossing,
        notes=[*pairing.notes, *local.notes, *by_law.notes],
    )
    return with_slopes(found, slopes)


def _shared_by(joint: JointPoints) -> Ends | None:
    """The range of the first predictor that the measured points of both methods cover, of the runs compared."""
    x = joint.predictors[:, 0]
    columns = [x[(joint.method == method) & ~joint.points.censored] for method in (FIRST, SECOND)]
    if any(len(column) == 0 for column in columns):
        return None
    low, high = max(float(c.min()) for c in columns), min(float(c.max()) for c in columns)
    return (low, high) if low < high else None
