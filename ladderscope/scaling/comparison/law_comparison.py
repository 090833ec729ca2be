"""What a law says about two methods: nested models, exponents, multipliers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ladderscope.scaling.comparison.crossing import crossing_of_law
from ladderscope.scaling.comparison.exponents import exponents
from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND, JointPoints
from ladderscope.scaling.comparison.joint_law import MULTIPLIER, ModelName
from ladderscope.scaling.comparison.judgement import judged, without_verdict
from ladderscope.scaling.comparison.models import described
from ladderscope.scaling.comparison.multiplier import multipliers_of_law, parallel_multiplier
from ladderscope.scaling.comparison.nested import NestedFit, fit_nested, jackknifed
from ladderscope.scaling.comparison.power import FEWEST_DECIDING
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.results.comparison import MultiplierAt, NestedModel, SlopeComparison
from ladderscope.scaling.results.estimates import Ends, Estimate
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.uncertainty.checks import why_not_fitted

EXPONENTS: dict[ModelName, str] = {
    "shared offset": "exponent, shared offset",
    "all own": "exponent, all own",
}
TOO_FEW = "too few points or runs to fit the law to each method"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawComparison:
    """What the nested models of one law give; ``notes`` is what they cannot."""

    slopes: list[SlopeComparison] = field(default_factory=list)
    models: list[NestedModel] = field(default_factory=list)
    multiplier: Estimate = field(default_factory=lambda: Estimate(reason=TOO_FEW))
    multipliers: list[MultiplierAt] = field(default_factory=list)
    crossing: Estimate = field(default_factory=lambda: Estimate(reason=TOO_FEW))
    notes: list[str] = field(default_factory=list)


def compare_by_law(
    law: Law, joint: JointPoints, names: tuple[str, str], ends: Ends | None, settings: FitSettings
) -> LawComparison:
    """Fit the nested models of ``law`` and read slopes, multipliers and the crossing off them.

    There are none where the law cannot be fitted to one of the methods alone. ``names`` are those of the methods.
    """
    unfit = _not_fitted(law, joint, names)
    if unfit is not None:
        none = Estimate(reason=unfit)
        return LawComparison(
            multiplier=none, crossing=none, notes=[f"there are no nested models of {law.title}: {unfit}"]
        )
    fits = fit_nested(law, joint, settings)
    if not fits:
        return LawComparison(notes=[f"{TOO_FEW}, so there are no nested models of {law.title}"])
    lost = len(law.parameters)
    estimates = {fit.law.model: jackknifed(fit, joint, lost) for fit in fits}
    slopes = (
        []
        if law.slope is None
        else [_exponent(fit, estimates[fit.law.model], joint, settings) for fit in fits if fit.law.model in EXPONENTS]
    )
    parallel = next(fit for fit in fits if fit.law.model == "parallel")
    log_k = parallel.fitted.theta[parallel.law.names.index(MULTIPLIER)]
    at, crossing = _own_curves(fits[-2] if len(fits) == 4 else fits[-1], estimates, joint, ends, settings)
    notes = [] if law.slope else [f"{law.title} has no one exponent to compare, only nested models and predictions"]
    return LawComparison(
        slopes=slopes,
        models=described(fits, joint, lost),
        multiplier=parallel_multiplier(parallel.law, estimates["parallel"], float(log_k), settings.confidence),
        multipliers=at,
        crossing=crossing,
        notes=notes,
    )


def _not_fitted(law: Law, joint: JointPoints, names: tuple[str, str]) -> str | None:
    """Why the law cannot be fitted to one of the methods."""
    for method in (FIRST, SECOND):
        points = replace(joint.points, x=joint.predictors).subset(joint.method == method)
        reason = why_not_fitted(law, points, law.predictors)
        if reason is not None:
            return f"{names[method]}: {reason}"
    return None


def _exponent(
    fit: NestedFit, estimates: Jackknifed | None, joint: JointPoints, settings: FitSettings
) -> SlopeComparison:
    estimand = EXPONENTS[fit.law.model]
    slopes = exponents(fit, estimates)
    if slopes is None or min(joint.n_runs) <= len(fit.law.base.parameters):
        reason = f"the law has {len(fit.law.base.parameters)} parameters for {min(joint.n_runs)} runs per method"
        return without_verdict(estimand, reason, FEWEST_DECIDING)
    # Of a law of the user's own nobody knows in which direction its response goes.
    rising = fit.law.base.falls and min(float(slopes.first), float(slopes.second)) <= 0
    return judged(
        estimand,
        slopes,
        margin=settings.margin,
        confidence=settings.confidence,
        n_runs=joint.n_runs,
        what="pairs of runs" if joint.paired else "runs per method",
        method=f"jackknife by {'pair' if joint.paired else 'run'}, law refitted",
        objection="an exponent is not positive" if rising else None,
    )


def _own_curves(
    fit: NestedFit,
    estimates: dict[ModelName, Jackknifed | None],
    joint: JointPoints,
    ends: Ends | None,
    settings: FitSettings,
) -> tuple[list[MultiplierAt], Estimate]:
    """Multipliers at the ends of the range, and the crossing, where each method has its own curve."""
    found = estimates[fit.law.model]
    if found is None or ends is None:
        return [], Estimate(reason=TOO_FEW)
    others = np.log(joint.predictors).mean(axis=0)[1:]
    at = multipliers_of_law(fit.law, found, others, ends, settings.confidence)
    freedom = max(min(joint.n_runs) - len(fit.law.base.parameters), 1)
    crossing = crossing_of_law(fit.law, found, others, ends, settings.confidence, freedom)
    return at, crossing
