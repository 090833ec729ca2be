"""Predictions from a stored fit alone, without its data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.law_fit import LawFit
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.uncertainty.bands import BandKind, curve_interval
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance


def predict(
    fit: LawFit | ScalingFit,
    x: ArrayLike,
    *,
    kind: BandKind = "mean",
    law: Law | None = None,
    confidence: float = 0.95,
    group: str | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The fitted curve at ``x``, shape (m, p) or, for one predictor, (m,), with its interval.

    Args:
        kind: interval of the ``mean`` curve, or of a point of a ``new-run``.
        group: of a scaling fit that has several.
        law: needed for a user's own law; others are found by their name.

    Returns:
        y, its low end and its high end, shape (m,) each; ends are NaN where the fit has no covariance.

    Raises:
        UsageError: the fit has no parameters, or several groups of which none is named.
        UnknownNameError: the law is not one of ladderscope's, and ``law`` was not given.
    """
    if isinstance(fit, ScalingFit):
        fit = _of_group(fit, group)
    if not fit.parameters:
        raise UsageError(f"this fit of {fit.title} predicts nothing: {fit.reason or 'it has no parameters'}.")
    law = law or law_named(fit.law)
    theta = law.theta({name: estimate.value for name, estimate in fit.parameters.items()})
    at = np.asarray(x, dtype=np.float64).reshape(-1, len(law.predictors))
    if fit.uncertainty is None:
        y = law.from_scale(law.prediction(theta, at))
        return y, np.full_like(y, np.nan), np.full_like(y, np.nan)
    known = fit.uncertainty
    covariance = ClusteredCovariance(
        np.array(known.covariance),
        known.degrees_of_freedom,
        known.run_deviation,
        known.noise_deviation,
        known.n_clusters,
    )
    return curve_interval(law, theta, covariance, at, kind=kind, confidence=confidence)


def _of_group(fit: ScalingFit, name: str | None) -> LawFit:
    by_name = {group.name: group.fit for group in fit.groups}
    if name is None and len(by_name) != 1:
        raise UsageError(f"the fit has {len(by_name)} groups: name one with group=, of {', '.join(by_name)}.")
    if name is not None and name not in by_name:
        raise UnknownNameError("group", name, by_name)
    return fit.groups[0].fit if name is None else by_name[name]
