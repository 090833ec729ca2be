"""A fitted law as a linear problem with its points in clusters: what sandwich covariances are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray, IntArray
from ladderscope.scaling.uncertainty.curvature import curvatures

WORST_CONDITION = 1e12
"""Of a curvature matrix in columns of length one; beyond it, inverses hold no digit of a standard error."""


@dataclass(frozen=True, slots=True)
class LinearClusters:
    """The objective's quadratic approximation at an optimum, in parameters scaled to columns of length one.

    Attributes:
        jacobian: of the residuals by the scaled centred parameters, shape (n, k).
        influence: weighted derivatives of the losses by the residuals, shape (n,).
        weights: of the points, shape (n,).
        curvature: second derivative of each point's loss (:func:`curvatures`), shape (n,).
        run: cluster of each point, shape (n,).
        back: the matrix from the scaled parameters to ``theta``, shape (k, k).
    """

    jacobian: FloatArray
    influence: FloatArray
    weights: FloatArray
    curvature: FloatArray
    run: IntArray
    back: FloatArray

    @classmethod
    def of(cls, fitted: FittedLaw) -> LinearClusters | None:
        """The linear problem at the optimum of ``fitted``, or ``None`` where a parameter changes nothing."""
        problem, points, residuals = fitted.problem, fitted.points, fitted.residuals
        centred = problem.jacobian(problem.matrix @ fitted.theta)
        lengths = np.sqrt(points.weights @ centred**2)
        largest = lengths.max(initial=0.0)
        if not np.isfinite(largest) or lengths.min(initial=np.inf) <= 1e-9 * largest:
            return None
        return cls(
            centred / lengths,
            points.weights * fitted.objective.influence(residuals),
            points.weights,
            curvatures(fitted),
            points.run,
            problem.inverse / lengths,
        )

    @property
    def n_runs(self) -> int:
        """How many clusters there are."""
        return int(self.run.max()) + 1

    def matrix(self) -> FloatArray:
        """The objective's Hessian, shape (k, k)."""
        return np.asarray((self.jacobian.T * (self.weights * self.curvature)) @ self.jacobian)

    def matrices(self) -> FloatArray:
        """What each cluster adds to :meth:`matrix`, shape (G, k, k)."""
        weighted = (self.weights * self.curvature)[:, None] * self.jacobian
        return self._summed(weighted[:, :, None] * self.jacobian[:, None, :])

    def scores(self) -> FloatArray:
        """What each cluster adds to the objective's gradient, shape (G, k)."""
        return self._summed(self.influence[:, None] * self.jacobian)

    def _summed(self, values: FloatArray) -> FloatArray:
        sums = np.zeros((self.n_runs, *values.shape[1:]))
        np.add.at(sums, self.run, values)
        return sums


def is_regular(matrices: FloatArray) -> bool:
    """Whether all of ``matrices``, shape (..., k, k), can be inverted with digits left."""
    if not np.all(np.isfinite(matrices)):
        return False
    return bool(np.all(np.linalg.cond(matrices) < WORST_CONDITION))
