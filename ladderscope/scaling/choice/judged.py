"""One law on one group of runs: what it says of the largest scale when that is left out, and its AICc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.choice.aicc import RunCorrelation, aicc, least_points
from ladderscope.scaling.choice.holdout import Holdout, largest_scale, relative_errors, why_not
from ladderscope.scaling.choice.quick import least_squares_fit, robust_fit
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.medians import weighted_median
from ladderscope.scaling.points import BoolArray, Points
from ladderscope.scaling.settings import FitSettings
from ladderscope.units import counted


@dataclass(frozen=True, slots=True)
class Fits:
    """A law fitted to all points by least squares, and to those below the largest scale by the stated objective."""

    whole: FittedLaw
    kept: FittedLaw
    left_out: Points


@dataclass(frozen=True, slots=True)
class Judged:
    """A law on a group.

    Attributes:
        held_out_error: the median relative error of the response at the largest scale, which was left out.
        aicc: of all points, up to a constant of the group.
        deviation: the relative deviation of the points around the law fitted to all of them.

    Points count by their weights in all three.
    """

    held_out_error: float
    aicc: float
    deviation: float


def judge(
    laws: Sequence[Law],
    points_of: Mapping[str, Points],
    settings: FitSettings,
    names_of: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Judged | str]:
    """Judge ``laws`` on one group of runs.

    Args:
        laws: the candidates.
        points_of: the group's points by the name of the law, with that law's predictors. Points that are only a lower
            bound are left out here: a relative error needs a response.
        names_of: the axes of a law's predictors by the name of the law, for reasons; those of the law without it.

    Returns:
        By the name of the law, what was found, or the reason why nothing was.
    """
    measured = {law.name: points_of[law.name].subset(~points_of[law.name].censored) for law in laws}
    widest = max(laws, key=lambda law: (len(law.predictors), sum(name not in ("x", "X") for name in law.predictors)))
    reference = measured[widest.name]
    found: dict[str, Judged | str] = {}
    fits: dict[str, Fits] = {}
    scale = largest_scale(widest.predictors, reference) if len(reference) else None
    for law in laws:
        points = measured[law.name]
        if scale is None or not np.array_equal(points.y, reference.y):
            found[law.name] = "its points are not those of the other laws" if scale else "no predictor varies"
            continue
        names = (names_of or {}).get(law.name) or law.predictors
        fit = _fit(law, points, _cut(points, scale), settings, names)
        if isinstance(fit, str):
            found[law.name] = fit
        else:
            fits[law.name] = fit
    if fits:
        closest = min((fit.whole for fit in fits.values()), key=_mean_square_error)
        correlation = RunCorrelation.of(closest)
        found |= {name: _judged(fit, correlation) for name, fit in fits.items()}
    return found


def _mean_square_error(fitted: FittedLaw) -> float:
    return float(np.average(relative_errors(fitted, fitted.points) ** 2, weights=fitted.points.weights))


def _cut(points: Points, scale: tuple[str, float, BoolArray]) -> Holdout:
    name, above, out = scale
    return Holdout(name, above, points.subset(~out), points.subset(out))


def _fit(law: Law, points: Points, holdout: Holdout, settings: FitSettings, names: Sequence[str]) -> Fits | str:
    if len(points) < least_points(len(law.parameters)):
        return f"{counted(len(points), 'point')} where {least_points(len(law.parameters))} are needed"
    reason = why_not(law, holdout.kept, names)
    if reason is not None:
        return f"without the largest {_named(holdout.predictor, law, names)}: {reason}"
    kept = least_squares_fit(law, holdout.kept, settings)
    # The kept points are fitted first and give the other fit a start, never the other way: what is left out must not
    # help to find the optimum that is judged by it.
    whole = least_squares_fit(law, points, settings, near=kept.theta) if kept is not None else None
    if kept is None or whole is None:
        return "no start of the fit has finite residuals"
    return Fits(whole, robust_fit(kept, settings.objective), holdout.left_out)


def _named(predictor: str, law: Law, names: Sequence[str]) -> str:
    return dict(zip(law.predictors, names, strict=True)).get(predictor, predictor)


def _judged(fits: Fits, correlation: RunCorrelation) -> Judged | str:
    fitted = fits.whole
    criterion = aicc(fitted, correlation)
    if criterion is None:
        return "too few points once neighbours along a run count as dependent"
    freedom = len(fitted.points) - len(fitted.theta)
    squares = len(fitted.points) * _mean_square_error(fitted)
    error_at_end = weighted_median(relative_errors(fits.kept, fits.left_out), fits.left_out.weights)
    if not np.isfinite(error_at_end):
        return "its prediction at the largest scale, left out of the fit, is not a number"
    return Judged(error_at_end, criterion, float(np.sqrt(squares / freedom)))
