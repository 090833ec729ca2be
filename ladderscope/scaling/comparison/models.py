"""The nested models as plain data: how well each explains both methods, and whether a larger one explains more."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ladderscope.scaling.comparison.jackknife import MOST_REFITS
from ladderscope.scaling.comparison.joint import JointPoints
from ladderscope.scaling.comparison.nested import NestedFit, left_out_error, weights_at_optimum
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.comparison import NestedModel


def described(fits: list[NestedFit], joint: JointPoints, lost: int) -> list[NestedModel]:
    """``fits``, smallest first, in numbers."""
    following: list[NestedFit | None] = [*fits[1:], None]
    return [
        NestedModel(
            name=fit.law.model,
            shared=list(fit.law.shared),
            n_parameters=len(fit.law.parameters),
            objective=fit.fitted.value,
            aicc=_aicc(fit, joint),
            left_out_error=left_out_error(fit, joint),
            p_against_next=None if larger is None else p_against(fit, larger, joint, lost),
        )
        for fit, larger in zip(fits, following, strict=True)
    ]


def preferred(models: list[NestedModel], level: float) -> str | None:
    """The smallest model that no larger one rejects at ``level``; ``None``: too few runs for the tests.

    AICc would not do: it counts paired runs as independent, and what a pair shares hides what it differs in.
    """
    if not models or any(model.p_against_next is None for model in models[:-1]):
        return None
    kept = [i for i, model in enumerate(models[:-1]) if (model.p_against_next or 0.0) <= level]
    return models[kept[-1] + 1 if kept else 0].name


def p_against(smaller: NestedFit, larger: NestedFit, joint: JointPoints, lost: int) -> float | None:
    """p of ``smaller`` against ``larger``: a Wald test with the jackknife by cluster.

    What the larger model adds, as predictions, is projected on the directions that only it has. For straight lines
    this is the test of their interaction with CR3. ``None``: too few clusters, or a refit failed.
    """
    extra = len(larger.law.parameters) - len(smaller.law.parameters)
    freedom = sum(np.sum(joint.stratum == s) - lost for s in np.unique(joint.stratum))
    if smaller.replicates is None or larger.replicates is None or freedom < extra or extra < 1:
        return None
    directions = np.sqrt(weights_at_optimum(larger.fitted))[:, None] * _directions(smaller, larger, extra)
    x = joint.points.x

    def added(large: FloatArray, small: FloatArray) -> FloatArray:
        return np.asarray(directions.T @ (larger.law.prediction(large, x) - smaller.law.prediction(small, x)))

    value = added(larger.fitted.theta, smaller.fitted.theta)
    if len(joint.stratum) > MOST_REFITS:
        off = _moved(larger, larger.replicates, directions) - _moved(smaller, smaller.replicates, directions)
    else:
        off = np.array([added(a, b) for a, b in zip(larger.replicates, smaller.replicates, strict=True)]) - value
    matrix = np.zeros((extra, extra))
    for stratum in np.unique(joint.stratum):
        members = off[joint.stratum == stratum]
        matrix += (len(members) - 1) / len(members) * members.T @ members
    statistic = float(value @ np.linalg.pinv(matrix, hermitian=True) @ value)
    share = (freedom - extra + 1) / (freedom * extra)
    return float(stats.f.sf(share * statistic, extra, freedom - extra + 1))


def _moved(fit: NestedFit, replicates: FloatArray, directions: FloatArray) -> FloatArray:
    """By how much the predictions of ``replicates`` differ along ``directions``, linearised, shape (G, extra)."""
    jacobian = fit.law.jacobian(fit.fitted.theta, fit.fitted.points.x)
    return np.asarray((replicates - fit.fitted.theta) @ (jacobian.T @ directions))


def _directions(smaller: NestedFit, larger: NestedFit, extra: int) -> FloatArray:
    """An orthonormal basis, shape (n, extra), of predictions that only the larger model can make."""
    root = np.sqrt(weights_at_optimum(larger.fitted))[:, None]
    small, large = root * smaller.fitted.jacobian, root * larger.fitted.jacobian
    base = np.linalg.svd(small / np.linalg.norm(small, axis=0).clip(1e-300), full_matrices=False)[0]
    rest = large / np.linalg.norm(large, axis=0).clip(1e-300)
    rest = rest - base @ (base.T @ rest)
    return np.asarray(np.linalg.svd(rest, full_matrices=False)[0][:, :extra])


def _aicc(fit: NestedFit, joint: JointPoints) -> float | None:
    """Of Gaussian residuals, with each run counted as one observation."""
    n_runs, k = sum(joint.n_runs), len(fit.law.parameters) + 1
    measured = ~joint.points.censored
    residuals, weights = fit.fitted.residuals[measured], joint.points.weights[measured]
    square = float(np.average(residuals**2, weights=weights)) if len(residuals) else 0.0
    if n_runs - k - 1 <= 0 or square <= 0:
        return None
    return n_runs * float(np.log(square)) + 2 * k + 2 * k * (k + 1) / (n_runs - k - 1)
