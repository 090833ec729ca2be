"""Whether the points determine the parameters of a fitted law."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.fitting.curvature import curvatures
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import BoolArray, FloatArray

IDLE = 1e-9
"""A parameter changes nothing whose column of the centred Jacobian is shorter than this share of the longest."""
AT_BOUND = 1e-9


def at_bounds(fitted: FittedLaw) -> BoolArray:
    """Which parameters are at a bound of theirs, shape (k,)."""
    ends = [parameter.ends for parameter in fitted.law.parameters]
    return np.array(
        [
            any(abs(t - end) <= AT_BOUND * max(abs(end), size) for end in pair if np.isfinite(end))
            for pair, t, size in zip(ends, fitted.theta, _units(fitted), strict=True)
        ]
    )


def idle(fitted: FittedLaw) -> BoolArray:
    """Which parameters change no prediction, shape (k,): what has faded, such as an offset that went to 0."""
    lengths = column_lengths(fitted)
    return np.asarray(lengths <= IDLE * lengths.max(initial=0.0), dtype=np.bool_)


def column_lengths(fitted: FittedLaw) -> FloatArray:
    """Of the Jacobian by the centred parameters, over weighted points, shape (k,)."""
    problem = fitted.problem
    centred = problem.jacobian(problem.matrix @ fitted.theta)
    return np.asarray(np.sqrt(fitted.points.weights @ centred**2), dtype=np.float64)


def condition_number(fitted: FittedLaw, held: BoolArray) -> float | None:
    """Of J'J in centred parameters that are not ``held``, with columns of length one; ``None`` if it is singular."""
    problem = fitted.problem
    jacobian = problem.jacobian(problem.matrix @ fitted.theta)[:, ~held]
    jacobian = jacobian * np.sqrt(fitted.points.weights)[:, None]
    length = np.linalg.norm(jacobian, axis=0)
    if not np.isfinite(jacobian).all() or not length.all() or jacobian.shape[0] < jacobian.shape[1]:
        return None
    singular = np.linalg.svd(jacobian / length, compute_uv=False)
    return float((singular[0] / singular[-1]) ** 2) if singular.size and singular[-1] > 0 else None


def robust_errors(fitted: FittedLaw, held: BoolArray) -> FloatArray:
    """Standard errors of theta by the sandwich of run-wise scores, shape (k,); NaN where they do not exist.

    A cheap look: with few runs they are too small, so what they cannot tell from zero, nothing can.
    """
    found = np.full(len(held), np.nan)
    jacobian, weights = fitted.jacobian[:, ~held], fitted.points.weights
    unit = np.linalg.norm(jacobian, axis=0)
    if not np.isfinite(jacobian).all() or not unit.all() or len(weights) <= jacobian.shape[1]:
        return found
    scaled = jacobian / unit
    scores = scaled * (weights * fitted.objective.influence(fitted.residuals))[:, None]
    runs = np.zeros((fitted.points.n_runs, scaled.shape[1]))
    np.add.at(runs, fitted.points.run, scores)
    bread = np.linalg.pinv((scaled.T * (weights * curvatures(fitted))) @ scaled)
    found[~held] = np.sqrt(np.diag(bread @ (runs.T @ runs) @ bread)) / unit
    return found


def _units(fitted: FittedLaw) -> FloatArray:
    """What moves the prediction that depends most on a parameter by as much as y itself, shape (k,)."""
    size = 1.0 if fitted.law.scale == "log" else float(np.abs(fitted.points.y).max(initial=0.0))
    slopes = np.abs(fitted.jacobian).max(axis=0, initial=0.0)
    return np.asarray(np.divide(size, slopes, out=np.zeros_like(slopes), where=slopes > 0), dtype=np.float64)
