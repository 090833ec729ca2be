"""The fits of a choice between laws: groups times laws of them, from fewer starts than the fit that is reported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import least_squares

from ladderscope.errors import UsageError
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.settings import FitSettings

LEAST_SQUARES = Objective(kind="ols")
MOST_STARTS = 3
TOLERANCE = 1e-6
MOST_EVALUATIONS = 100


def least_squares_fit(
    law: Law, points: Points, settings: FitSettings, *, near: FloatArray | None = None
) -> FittedLaw | None:
    """The best least-squares fit from a few starts; ``None`` where no start has finite residuals.

    Args:
        near: a ``theta``, shape (k,), to start from as well as from random ones.
    """
    starts = min(settings.starts, MOST_STARTS)
    try:
        found = [fit_law(law, points, LEAST_SQUARES, starts=starts, seed=settings.seed)]
        if near is not None:
            found.append(fit_law(law, points, LEAST_SQUARES, near=near))
    except UsageError:
        return None
    return min(found, key=lambda fitted: fitted.value)


def robust_fit(fitted: FittedLaw, objective: Objective) -> FittedLaw:
    """The same points fitted by ``objective`` from the least-squares optimum ``fitted``."""
    return fitted if objective.kind == "ols" else fit_law(fitted.law, fitted.points, objective, near=fitted.theta)


def descend_least_squares(
    problem: Problem,
    phi: FloatArray,
    residuals: Callable[[FloatArray], FloatArray],
    jacobian: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """The end of one descent of a sum of squares within the bounds of ``problem``."""
    lower, upper = problem.bounds()
    end = least_squares(
        residuals,
        np.clip(phi, lower, upper),
        jacobian,
        bounds=(lower, upper),
        x_scale="jac",
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        max_nfev=MOST_EVALUATIONS,
    )
    return np.asarray(end.x, dtype=np.float64)
