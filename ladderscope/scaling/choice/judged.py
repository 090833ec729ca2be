"""One law on one group of runs: what it says of the largest scale when that is left out, and its AICc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.choice.aicc import RunCorrelation, aicc, least_points
from ladderscope.scaling.choice.holdout import Holdout, fit_kept, largest_scale, relative_errors, why_not
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import BoolArray, Points
from ladderscope.scaling.settings import FitSettings

LEAST_SQUARES = Objective(kind="ols")


@dataclass(frozen=True, slots=True)
class Judged:
    """A law on a group.

    Attributes:
        held_out_error: the median relative error of the response at the largest scale, which was left out.
        aicc: of all points, up to a constant of the group.
        deviation: the relative deviation of the points around the law fitted to all of them.
    """

    held_out_error: float
    aicc: float
    deviation: float


def judge(laws: Sequence[Law], points_of: Mapping[str, Points], settings: FitSettings) -> dict[str, Judged | str]:
    """Judge ``laws`` on one group of runs.

    Args:
        laws: the candidates.
        points_of: the group's points by the name of the law, with that law's predictors. Points that are only a lower
            bound are left out here: a relative error needs a response.

    Returns:
        By the name of the law, what was found, or the reason why nothing was.
    """
    measured = {law.name: points_of[law.name].subset(~points_of[law.name].censored) for law in laws}
    widest = max(laws, key=lambda law: len(law.predictors))
    reference = measured[widest.name]
    found: dict[str, Judged | str] = {}
    fits: dict[str, tuple[FittedLaw, Holdout]] = {}
    scale = largest_scale(widest.predictors, reference) if len(reference) else None
    for law in laws:
        points = measured[law.name]
        if scale is None or not np.array_equal(points.y, reference.y):
            found[law.name] = "its points are not those of the other laws" if scale else "no predictor varies"
            continue
        fit = _fit(law, points, _cut(points, scale), settings)
        if isinstance(fit, str):
            found[law.name] = fit
        else:
            fits[law.name] = fit
    if fits:
        closest = min((fit for fit, _ in fits.values()), key=lambda fit: fit.value)
        correlation = RunCorrelation.of(closest)
        found |= {name: _judged(fit, holdout, correlation, settings) for name, (fit, holdout) in fits.items()}
    return found


def _cut(points: Points, scale: tuple[str, float, BoolArray]) -> Holdout:
    name, above, out = scale
    return Holdout(name, above, points.subset(~out), points.subset(out))


def _fit(law: Law, points: Points, holdout: Holdout, settings: FitSettings) -> tuple[FittedLaw, Holdout] | str:
    if len(points) < least_points(len(law.parameters)):
        return f"{len(points)} points where {least_points(len(law.parameters))} are needed"
    reason = why_not(law, holdout.kept)
    if reason is not None:
        return f"without the largest {holdout.predictor}: {reason}"
    try:
        return fit_law(law, points, LEAST_SQUARES, starts=settings.starts, seed=settings.seed), holdout
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        return f"the fit failed: {error}"


def _judged(fitted: FittedLaw, holdout: Holdout, correlation: RunCorrelation, settings: FitSettings) -> Judged | str:
    criterion = aicc(fitted, correlation)
    if criterion is None:
        return "too few points once neighbours along a run count as dependent"
    try:
        kept = fit_kept(fitted.law, holdout, settings)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        return f"the fit without the largest {holdout.predictor} failed: {error}"
    freedom = len(fitted.points) - len(fitted.theta)
    squares = float(np.sum(relative_errors(fitted, fitted.points) ** 2))
    error_at_end = float(np.median(relative_errors(kept, holdout.left_out)))
    return Judged(error_at_end, criterion, float(np.sqrt(squares / freedom)))
