"""How far a law can be trusted beyond its data: fitted without the largest scale, and held against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladderscope.scaling.choice.holdout import Holdout, fit_kept, relative_errors, split, why_not
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.medians import weighted_median
from ladderscope.scaling.results.choice import Extrapolation
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group
from ladderscope.scaling.uncertainty.bands import interval_at
from ladderscope.scaling.uncertainty.checks import why_not_fitted
from ladderscope.scaling.uncertainty.covariance import clustered_covariance

BAND = 0.95


def extrapolate(law: Law, group: Group, settings: FitSettings, predictor_names: Sequence[str]) -> Extrapolation | None:
    """Fit ``law`` to ``group`` without the largest scale, and see what it says of what was left out.

    Args:
        predictor_names: the axes on which the law's predictors are, in the order of the columns of ``x``.

    Returns:
        Errors of the response (the median by the points' weights), and the share of the left-out points inside of the
        95% band for points of new runs. ``None`` where the law cannot be fitted to the group, or to what is left of
        it, or nothing varies.
    """
    points = group.points.subset(~group.points.censored)
    holdout = split(predictor_names, points) if len(points) else None
    if holdout is None or why_not(law, holdout.kept, predictor_names) is not None:
        return None
    if any(why_not_fitted(law, part, predictor_names) is not None for part in (points, holdout.kept)):
        return None
    fitted = fit_kept(law, holdout, settings)
    errors = relative_errors(fitted, holdout.left_out)
    if not np.isfinite(errors).all():
        return None
    return Extrapolation(
        predictor=holdout.predictor,
        above=holdout.above,
        n_points=len(errors),
        median_relative_error=weighted_median(errors, holdout.left_out.weights),
        largest_relative_error=float(errors.max()),
        coverage=_coverage(fitted, holdout),
        of_fitted_runs=holdout.of_kept_runs,
    )


def _coverage(fitted: FittedLaw, holdout: Holdout) -> float | None:
    covariance = clustered_covariance(fitted)
    if covariance is None:
        return None
    _, low, high = interval_at(fitted, covariance, holdout.left_out.x, kind="new-run", confidence=BAND)
    return float(np.mean((low <= holdout.left_out.y) & (holdout.left_out.y <= high)))
