"""The nested models of two methods, fitted, and fitted again without each cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladderscope.scaling.comparison.even_noise import EvenNoise
from ladderscope.scaling.comparison.jackknife import MOST_REFITS, Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND, JointPoints
from ladderscope.scaling.comparison.joint_law import JointLaw, models_of
from ladderscope.scaling.comparison.replicates import leave_one_out
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective, robust_deviation
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.settings import FitSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedFit:
    """One of the nested models.

    Attributes:
        law: the model, ``law.model`` its name.
        fitted: to all points.
        replicates: theta without each cluster, shape (G, k) (:func:`leave_one_out`); ``None`` where a refit failed.
    """

    law: JointLaw
    fitted: FittedLaw
    replicates: FloatArray | None


def fit_nested(base: Law, joint: JointPoints, settings: FitSettings) -> list[NestedFit]:
    """All nested models of ``base``, smallest first, by one objective whose delta the largest model settles.

    Each starts from what the smaller ones found too, so that a larger model is never worse.
    """
    if len(joint.points) <= 2 * len(base.parameters) or min(joint.n_runs) < 2:
        return []
    own = _own_start(base, joint, settings)
    largest = fit_law(JointLaw(base, "all own"), joint.points, settings.objective, near=_join(base, own))
    objective = largest.objective
    curve = fit_law(base, _without_method(joint), objective, starts=settings.starts, seed=settings.seed)
    starts = [(curve.theta, curve.theta), own]
    found: list[NestedFit] = []
    for model in models_of(base):
        law = JointLaw(base, model)
        nears = [law.joined(*start) for start in starts]
        fitted = largest if model == "all own" else None
        for near in nears:
            tried = fit_law(law, joint.points, objective, near=near)
            fitted = tried if fitted is None or tried.value < fitted.value else fitted
        assert fitted is not None
        found.append(NestedFit(law=law, fitted=fitted, replicates=leave_one_out(fitted, len(joint.stratum))))
        if model == "shared offset":
            starts.append((fitted.theta[law.parts[FIRST]], fitted.theta[law.parts[SECOND]]))
    return found


def jackknifed(fit: NestedFit, joint: JointPoints, lost: int) -> Jackknifed | None:
    """The parameters theta of ``fit`` with their jackknife."""
    if fit.replicates is None:
        return None
    return Jackknifed(
        value=fit.fitted.theta,
        replicates=fit.replicates,
        stratum=joint.stratum,
        even_noise=EvenNoise.of(
            fit.fitted.jacobian, weights_at_optimum(fit.fitted), joint.points.run, len(joint.stratum)
        ),
        lost=lost,
    )


def weights_at_optimum(fitted: FittedLaw) -> FloatArray:
    """The weights with which least squares has the same optimum, shape (n,)."""
    residuals = fitted.residuals
    floor = max(robust_deviation(residuals, fitted.points.weights) * len(residuals) ** -0.2, np.finfo(float).tiny)
    size = np.maximum(np.abs(residuals), floor)
    objective: Objective = fitted.objective
    return np.asarray(fitted.points.weights * np.abs(objective.influence(size)) / size)


def left_out_error(fit: NestedFit, joint: JointPoints) -> float | None:
    """Root mean square of residuals of points whose cluster the fit had not seen, by its linearisation if many."""
    if fit.replicates is None:
        return None
    points = joint.points
    if len(fit.replicates) > MOST_REFITS:
        moved = (fit.replicates - fit.fitted.theta)[points.run]
        residuals = fit.fitted.residuals + np.einsum("ni,ni->n", fit.fitted.jacobian, moved)
    else:
        residuals = -fit.law.to_scale(points.y)
        for cluster, theta in enumerate(fit.replicates):
            rows = points.run == cluster
            residuals[rows] += fit.law.prediction(theta, points.x[rows])
    measured = ~points.censored
    return float(np.sqrt(np.average(residuals[measured] ** 2, weights=points.weights[measured])))


def _own_start(base: Law, joint: JointPoints, settings: FitSettings) -> tuple[FloatArray, FloatArray]:
    without = _without_method(joint)
    thetas = [
        fit_law(
            base,
            without.subset(joint.method == method),
            settings.objective,
            starts=settings.starts,
            seed=settings.seed,
        ).theta
        for method in (FIRST, SECOND)
    ]
    return thetas[FIRST], thetas[SECOND]


def _join(base: Law, own: Sequence[FloatArray]) -> FloatArray:
    return JointLaw(base, "all own").joined(own[FIRST], own[SECOND])


def _without_method(joint: JointPoints) -> Points:
    return replace(joint.points, x=joint.predictors)
