"""Approach 3: the frontier of Chinchilla's law.

Under C = k N D, E + A N^-alpha + B D^-beta is lowest at N = G (C/k)^a and D = (C/k)^b / G with a = beta/(alpha+beta),
b = alpha/(alpha+beta) and G = (alpha A / (beta B))^(1/(alpha+beta)) (Hoffmann et al. 2022, arXiv:2203.15556, eq. 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ladderscope.errors import UsageError
from ladderscope.scaling.allocation.frontier import Frontier, PowerLine
from ladderscope.scaling.allocation.resampling import FEWEST_RUNS, no_draws
from ladderscope.scaling.allocation.runs import cost
from ladderscope.scaling.allocation.solution import CannotAllocateError, Solution
from ladderscope.scaling.fitting.certificate import certify
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.uncertainty.bootstrap import pairs_bootstrap
from ladderscope.scaling.uncertainty.checks import why_not_fitted
from ladderscope.scaling.uncertainty.draws import Draws


def parametric(points: Points, settings: FitSettings) -> Solution:
    """The frontier of Chinchilla's law, fitted to ``points`` of x = (N, D, C).

    Raises:
        CannotAllocateError: the law cannot be fitted, or has no lowest loss along a budget.
    """
    law, k = Chinchilla(), cost(points)
    fitted = _fit(law, replace(points, x=points.x[:, :2]), settings)
    frontier = frontier_of(fitted.values, fitted.theta, k)
    if frontier is None:
        found = " and ".join(f"{name} {fitted.values[name]:.3g}" for name in ("alpha", "beta"))
        raise CannotAllocateError(f"with {found} the loss does not fall with both parameters and tokens")
    return Solution(
        frontier=frontier,
        draws=_draws(fitted, k, settings),
        n_runs=points.n_runs,
        notes=[f"Chinchilla's law: {finding}" for finding in certify(fitted).findings],
        loss=lambda n, d: float(law.predict(fitted.values, np.array([[n, d]]))[0]),
    )


def frontier_of(values: Mapping[str, float], theta: FloatArray, k: float) -> Frontier | None:
    """The frontier of Chinchilla's law under C = k N D; ``None`` where an exponent is not positive."""
    alpha, beta = values["alpha"], values["beta"]
    if not (alpha > 0 and beta > 0):
        return None
    log_a, log_b = theta[1], theta[2]
    log_g = float(np.log(alpha / beta) + log_a - log_b) / (alpha + beta)
    a, b = beta / (alpha + beta), alpha / (alpha + beta)
    return Frontier(PowerLine(a, log_g - a * np.log(k)), PowerLine(b, -log_g - b * np.log(k)))


def _fit(law: Chinchilla, points: Points, settings: FitSettings) -> FittedLaw:
    reason = why_not_fitted(law, points, law.predictors)
    if reason:
        raise CannotAllocateError(reason)
    try:
        return fit_law(law, points, settings.objective, starts=settings.starts, seed=settings.seed)
    except UsageError as error:
        raise CannotAllocateError(str(error)) from error


def _draws(fitted: FittedLaw, k: float, settings: FitSettings) -> Draws:
    if fitted.points.n_runs < FEWEST_RUNS:
        return no_draws()
    drawn = pairs_bootstrap(fitted, settings.resamples, seed=settings.seed)
    found = [frontier_of(fitted.law.values(theta), theta, k) for theta in drawn.theta]
    vectors = [one.vector for one in found if one is not None and np.isfinite(one.vector).all()]
    return Draws(np.array(vectors).reshape(len(vectors), 4), drawn.failed + len(found) - len(vectors))
