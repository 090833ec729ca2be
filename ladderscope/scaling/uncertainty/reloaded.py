"""Predictions from a stored fit alone, without its data."""

from __future__ import annotations

import numpy as np

from ladderscope.errors import UsageError
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.law_fit import LawFit
from ladderscope.scaling.uncertainty.bands import BandKind, curve_interval
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance


def predict(
    fit: LawFit, x: FloatArray, *, kind: BandKind = "mean", law: Law | None = None, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The fitted curve at ``x``, shape (m, p) or, for one predictor, (m,), with its interval.

    Args:
        kind: interval of the ``mean`` curve, or of a point of a ``new-run``.
        law: needed for a user's own law; others are found by their name.

    Returns:
        y, its low end and its high end, shape (m,) each; ends are NaN where the fit has no covariance.

    Raises:
        UsageError: the fit has no parameters.
        UnknownNameError: the law is not one of ladderscope's, and ``law`` was not given.
    """
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
