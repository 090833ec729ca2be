"""AICc of a fitted law where the points of a run are not independent.

The likelihood is Gaussian, of residuals on the law's scale at their generalised least-squares optimum, whatever the
objective of the fit proper: criteria of different objectives could not be compared. Points of one run share a
deviation, so that their residuals are correlated by ``shared``: the level that a run has is then one observation, and
the shape of the curve within runs still counts (the random-effects transform of Fuller & Battese 1973). What remains
of correlation from one checkpoint to the next discounts the likelihood and the number of points by ``serial``, as for
a mean of an AR(1) series. Both correlations are of one law's residuals, the closest one's, for all laws that are
compared: a correlation that came from a law's own misfit would hide the misfit.

Small-sample correction: Hurvich & Tsai 1989; the deviation counts as a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.choice.quick import descend_least_squares
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray, Points

LARGEST_CORRELATION = 0.99
ARITHMETIC = 1e-6
"""Relative deviations below this are the arithmetic of the fit, not evidence between laws."""
SHORTEST_SERIES = 3


@dataclass(frozen=True, slots=True)
class RunCorrelation:
    """How far the points of a run are from independent.

    Attributes:
        shared: correlation of any two residuals of a run.
        serial: correlation of one residual with the next along the run, beyond ``shared``.
    """

    shared: float = 0.0
    serial: float = 0.0

    @classmethod
    def of(cls, fitted: FittedLaw) -> RunCorrelation:
        """The correlations of a fit's residuals; 0 where each run is one point."""
        points = fitted.points
        residuals = np.sqrt(points.weights) * fitted.residuals
        shared = _intraclass(residuals, points)
        return cls(shared, _next_to_each_other(_whitened(residuals, points, shared), points))

    @property
    def discount(self) -> float:
        """What share of the points counts after the serial correlation."""
        return (1 - self.serial) / (1 + self.serial)


def aicc(fitted: FittedLaw, correlation: RunCorrelation) -> float | None:
    """AICc of the law of ``fitted``, a least-squares fit; ``None`` where there are too few points for it.

    It is of the density of y, so that laws with residuals of logarithms and of values themselves can be compared.
    Lower is better; only differences at the same points and the same ``correlation`` mean anything.
    """
    points = fitted.points
    n = len(points)
    counted = n * correlation.discount
    k = len(fitted.theta) + 1
    if counted - k - 1 <= 0:
        return None
    log_scale = fitted.law.scale == "log"
    floor = n * (ARITHMETIC * (1.0 if log_scale else float(np.sqrt(np.mean(points.y**2))))) ** 2
    squares = max(_smallest_squares(fitted, correlation.shared), floor)
    deviance = n * (np.log(2 * np.pi * squares / n) + 1) + _log_determinant(points, correlation.shared)
    if log_scale:
        deviance += 2 * float(np.log(points.y).sum())
    return float(correlation.discount * deviance + 2 * k + 2 * k * (k + 1) / (counted - k - 1))


def least_points(n_parameters: int) -> int:
    """The fewest independent points for which a law has an AICc."""
    return n_parameters + 3


def _smallest_squares(fitted: FittedLaw, shared: float) -> float:
    """The sum of squares of whitened residuals at its minimum, looked for from the optimum of ``fitted``."""
    problem, points = fitted.problem, fitted.points
    roots = np.sqrt(points.weights)
    phi = problem.matrix @ fitted.theta
    at_least_squares = float(np.sum(_whitened(roots * problem.residuals(phi), points, shared) ** 2))
    if shared == 0.0:
        return at_least_squares

    def residuals(at: FloatArray) -> FloatArray:
        return _whitened(roots * problem.residuals(at), points, shared)

    def jacobian(at: FloatArray) -> FloatArray:
        return _whitened(roots[:, None] * problem.jacobian(at), points, shared)

    with np.errstate(all="ignore"):
        end = residuals(descend_least_squares(problem, phi, residuals, jacobian))
    return min(float(end @ end), at_least_squares) if np.isfinite(end).all() else at_least_squares


def _whitened(values: FloatArray, points: Points, shared: float) -> FloatArray:
    """``values``, shape (n, ...), as uncorrelated and of unit variance where runs share a correlation ``shared``."""
    if shared == 0.0:
        return values
    sizes = np.bincount(points.run)
    share = 1 - np.sqrt((1 - shared) / (1 + (sizes - 1) * shared))
    means = _run_means(values, points)
    part = share[points.run].reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray((values - part * means[points.run]) / np.sqrt(1 - shared), dtype=np.float64)


def _run_means(values: FloatArray, points: Points) -> FloatArray:
    sums = np.zeros((points.n_runs, *values.shape[1:]))
    np.add.at(sums, points.run, values)
    return np.asarray(sums / np.bincount(points.run).reshape(-1, *([1] * (values.ndim - 1))), dtype=np.float64)


def _log_determinant(points: Points, shared: float) -> float:
    sizes = np.bincount(points.run)
    return float(np.sum((sizes - 1) * np.log1p(-shared) + np.log1p((sizes - 1) * shared)))


def _intraclass(residuals: FloatArray, points: Points) -> float:
    """The correlation within runs by the analysis of variance, between 0 and ``LARGEST_CORRELATION``."""
    n, runs = len(points), points.n_runs
    if runs < 2 or n == runs:
        return 0.0
    sizes = np.bincount(points.run)
    means = _run_means(residuals, points)
    between = float(sizes @ (means - residuals.mean()) ** 2) / (runs - 1)
    within = float(np.sum((residuals - means[points.run]) ** 2)) / (n - runs)
    typical = (n - float(sizes @ sizes) / n) / (runs - 1)
    total = between + (typical - 1) * within
    return float(np.clip((between - within) / total, 0.0, LARGEST_CORRELATION)) if total > 0 else 0.0


def _next_to_each_other(residuals: FloatArray, points: Points) -> float:
    """The correlation of neighbours along runs of at least three points, between 0 and ``LARGEST_CORRELATION``."""
    products = squares = 0.0
    for run in np.flatnonzero(np.bincount(points.run) >= SHORTEST_SERIES):
        rows = np.flatnonzero(points.run == run)
        series = residuals[rows[np.lexsort(points.x[rows].T[::-1])]]
        products += float(series[1:] @ series[:-1])
        squares += float(series @ series) * (len(series) - 1) / len(series)
    return float(np.clip(products / squares, 0.0, LARGEST_CORRELATION)) if squares > 0 else 0.0
