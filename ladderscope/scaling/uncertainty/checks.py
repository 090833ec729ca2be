"""Why a law cannot be fitted to a group of runs, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points


def why_not_fitted(law: Law, points: Points, predictors: Sequence[str]) -> str | None:
    """The reason why ``points`` say nothing about ``law``, or ``None``. ``predictors`` are names for columns of x."""
    return _too_few(law, points, predictors) or _not_falling(law, points, predictors)


def _too_few(law: Law, points: Points, predictors: Sequence[str]) -> str | None:
    k = len(law.parameters)
    measured = points.x[~points.censored]
    if len(measured) < k + 1:
        return f"too few points ({len(measured)}) for {k} parameters; at least {k + 1} are needed"
    for name, column in zip(predictors, measured.T, strict=True):
        if len(np.unique(column)) < 2:
            return f"all points have the same {name} ({column[0]:.6g}), so how y depends on {name} cannot be told"
    different = len(np.unique(measured, axis=0))
    if different < k:
        names = " and ".join(predictors)
        return f"too few different {names} ({different}) for {k} parameters; at least {k} are needed"
    return None


def _not_falling(law: Law, points: Points, predictors: Sequence[str]) -> str | None:
    if not law.falls:
        return None
    slopes = _log_slopes(points)
    if np.any(slopes < 0):
        return None
    values = ", ".join(f"{slope:+.3g}" for slope in slopes)
    return (
        f"y did not fall as {' or '.join(predictors)} grew (log-log slope {values}), so an exponent would mean nothing"
    )


def _log_slopes(points: Points) -> FloatArray:
    """d log y / d log x of the plane of weighted least squares, shape (p,)."""
    points = points.subset(~points.censored)
    log_x, log_y, roots = np.log(points.x), np.log(points.y), np.sqrt(points.weights)
    centred = log_x - np.average(log_x, axis=0, weights=points.weights)
    level = np.average(log_y, weights=points.weights)
    return np.asarray(np.linalg.lstsq(centred * roots[:, None], (log_y - level) * roots, rcond=None)[0])
