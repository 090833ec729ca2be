"""Whether a fitted law is at an optimum of its objective."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import BoolArray, FloatArray

TOUCHED = 1e-6
"""Of the median absolute residual: an optimum of absolute deviations goes through points with smaller ones."""


ROUNDING = 1e-12
"""Of the response: smaller residuals are rounding, and so is the direction of their gradient."""


def gradient_norm(fitted: FittedLaw, held: BoolArray) -> float:
    """The largest derivative of the objective by a centred parameter, in units that make it 1 at most.

    It is the cosine of the angle between the influence of the residuals and the parameter's column of the Jacobian:
    0 at an optimum, and where the law meets all points but for rounding. Parameters that are ``held`` at a bound,
    shape (k,), do not count.
    """
    problem = fitted.problem
    phi = problem.matrix @ fitted.theta
    residuals = problem.residuals(phi)
    size = np.abs(problem.response).max(initial=1.0 if fitted.law.scale == "log" else 0.0)
    if np.abs(residuals).max(initial=0.0) <= ROUNDING * size:
        return 0.0
    jacobian = problem.jacobian(phi)[:, ~held]
    influence = _influence(fitted, residuals, jacobian)
    sizes = np.linalg.norm(jacobian, axis=0) * float(np.linalg.norm(influence))
    slopes = np.abs(influence @ jacobian)
    return float(np.divide(slopes, sizes, out=np.zeros_like(slopes), where=sizes > 0).max(initial=0.0))


def _influence(fitted: FittedLaw, residuals: FloatArray, jacobian: FloatArray) -> FloatArray:
    weights = fitted.points.weights
    found = weights * fitted.objective.influence(residuals)
    if fitted.objective.kind != "lad":
        return found
    # Where a residual is zero, any influence between minus and plus the weight is a derivative of its size.
    touched = np.abs(residuals) <= TOUCHED * float(np.median(np.abs(residuals)))
    if touched.any() and jacobian.size:
        rest = found[~touched] @ jacobian[~touched]
        ends = weights[touched]
        unit = np.maximum(np.linalg.norm(jacobian, axis=0), np.finfo(float).tiny)
        found[touched] = lsq_linear(jacobian[touched].T / unit[:, None], -rest / unit, (-ends, ends)).x
    return found
