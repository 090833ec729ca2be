"""Fits for choosing between laws: as many as groups times laws, to three digits, in milliseconds each.

:func:`~ladderscope.scaling.fitting.fit.fit_law` goes to the end of flat valleys, which a law with more parameters than
the data needs always has. Which law is better shows long before that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import least_squares, leastsq

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective, robust_deviation
from ladderscope.scaling.fitting.solver import Problem, descend
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.settings import FitSettings

LEAST_SQUARES = Objective(kind="ols")
TOLERANCE = 1e-6
FIRST_EVALUATIONS, MOST_EVALUATIONS = 20, 100
FINALISTS = 2
NEARLY_ABSOLUTE = 0.1
"""Absolute deviations are taken as a Huber loss with a delta of so many deviations of the residuals."""
SMALLEST_DELTA = 1e-6


def least_squares_fit(
    law: Law, points: Points, settings: FitSettings, *, near: FloatArray | None = None
) -> FittedLaw | None:
    """The best least-squares fit from a few starts; ``None`` where no start has finite residuals.

    Args:
        near: a ``theta``, shape (k,), to start from as well as from random ones.
    """
    problem = Problem.of(law, points)
    rng = np.random.default_rng(settings.seed)
    with np.errstate(all="ignore"):
        starts = [problem.matrix @ law.start(points.x, points.y, rng) for _ in range(settings.starts)]
        starts = starts if near is None else [problem.matrix @ near, *starts]
        first = _best([_descent(problem, phi, FIRST_EVALUATIONS) for phi in starts])
        ends = _best([_descent(problem, phi, MOST_EVALUATIONS) for _, phi in first[:FINALISTS]])
    if not ends:
        return None
    value, phi = ends[0]
    theta = problem.inverse @ phi
    return FittedLaw(
        law=law, points=points, objective=LEAST_SQUARES, theta=theta, value=value, start=theta, n_starts=len(starts)
    )


def robust_fit(fitted: FittedLaw, objective: Objective) -> FittedLaw:
    """The same points fitted by ``objective`` from the least-squares optimum ``fitted``."""
    if objective.kind == "ols":
        return fitted
    residuals = fitted.residuals
    if objective.kind == "lad":
        delta = max(NEARLY_ABSOLUTE * robust_deviation(residuals), SMALLEST_DELTA)
        objective = Objective(kind="huber", delta=delta)
    settled = objective.settled(residuals)
    problem = fitted.problem
    with np.errstate(all="ignore"):
        phi = descend(problem, problem.matrix @ fitted.theta, settled, tolerance=TOLERANCE, limit=MOST_EVALUATIONS)
    return FittedLaw(
        law=fitted.law,
        points=fitted.points,
        objective=settled,
        theta=problem.inverse @ phi,
        value=problem.value(phi, settled),
        start=fitted.theta,
        n_starts=fitted.n_starts,
    )


def descend_least_squares(
    problem: Problem,
    phi: FloatArray,
    residuals: Callable[[FloatArray], FloatArray],
    jacobian: Callable[[FloatArray], FloatArray],
    limit: int = MOST_EVALUATIONS,
) -> FloatArray:
    """The end of one descent of a sum of squares, by MINPACK where nothing is bounded: it is ten times as fast."""
    lower, upper = problem.bounds()
    if not (np.isfinite(lower).any() or np.isfinite(upper).any()):
        free = leastsq(residuals, phi, Dfun=jacobian, ftol=TOLERANCE, xtol=TOLERANCE, maxfev=limit, full_output=True)
        return np.asarray(free[0], dtype=np.float64)
    end = least_squares(
        residuals,
        np.clip(phi, lower, upper),
        jacobian,
        bounds=(lower, upper),
        x_scale="jac",
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        max_nfev=limit,
    )
    return np.asarray(end.x, dtype=np.float64)


def _descent(problem: Problem, phi: FloatArray, limit: int) -> tuple[float, FloatArray]:
    """The objective and the place at the end of one descent."""
    roots = np.sqrt(problem.points.weights)

    def residuals(at: FloatArray) -> FloatArray:
        return np.asarray(np.nan_to_num(roots * problem.residuals(at), nan=_FAR, posinf=_FAR, neginf=-_FAR))

    def jacobian(at: FloatArray) -> FloatArray:
        return np.asarray(np.nan_to_num(roots[:, None] * problem.jacobian(at), nan=0.0, posinf=0.0, neginf=0.0))

    end = descend_least_squares(problem, phi, residuals, jacobian, limit)
    return problem.value(end, LEAST_SQUARES), end


def _best(ends: list[tuple[float, FloatArray]]) -> list[tuple[float, FloatArray]]:
    return sorted((end for end in ends if np.isfinite(end[0])), key=lambda end: end[0])


_FAR = 1e6
"""The residual of a point where the law is not a number: no descent stays there."""
