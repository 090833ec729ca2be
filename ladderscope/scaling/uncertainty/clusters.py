"""A fitted law as a linear problem with its points in clusters: what sandwich covariances are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.curvature import curvatures
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.identification import at_bounds, column_lengths, idle
from ladderscope.scaling.points import FloatArray, IntArray

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
        back: the matrix from the scaled parameters to ``theta``, shape (all parameters, k). Rows of parameters that
            are held are 0: those at a bound, and those that change nothing (an offset that went to 0).
    """

    jacobian: FloatArray
    influence: FloatArray
    weights: FloatArray
    curvature: FloatArray
    run: IntArray
    back: FloatArray

    @classmethod
    def of(cls, fitted: FittedLaw) -> LinearClusters | None:
        """The linear problem at the optimum of ``fitted``; ``None`` where no parameter changes anything."""
        problem, points, residuals = fitted.problem, fitted.points, fitted.residuals
        centred = problem.jacobian(problem.matrix @ fitted.theta)
        lengths = column_lengths(fitted)
        free = ~idle(fitted) & ~at_bounds(fitted)
        if not np.all(np.isfinite(lengths)) or not free.any():
            return None
        return cls(
            centred[:, free] / lengths[free],
            points.weights * fitted.objective.influence(residuals),
            points.weights,
            curvatures(fitted),
            points.run,
            problem.inverse[:, free] / lengths[free],
        )

    @property
    def n_free(self) -> int:
        """How many parameters are not held."""
        return int(self.jacobian.shape[1])

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
    """Whether all of ``matrices``, symmetric, shape (..., k, k), are positive and can be inverted with digits left."""
    if not np.all(np.isfinite(matrices)):
        return False
    values = np.linalg.eigvalsh(matrices)
    return bool(np.all(values[..., 0] * WORST_CONDITION > values[..., -1]))
