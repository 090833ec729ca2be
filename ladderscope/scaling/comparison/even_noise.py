"""How unequally clusters matter: the jackknife's own scatter, if all points had independent noise of one size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.comparison.cluster_sums import cluster_sums
from ladderscope.scaling.points import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class EvenNoise:
    """Weighted least squares without each of G clusters, as far as their covariance under independent noise needs it.

    A coefficient without cluster g minus that with all is linear in y: its weights in cluster j are
    (S_g^-1 [j != g] - S^-1) X_j' W_j. For a combination w of coefficients, with u_g = S_g^-1 w, d_g = u_g - S^-1 w and
    Q_j = X_j' W_j^2 X_j, the covariance of (g, h) is

        d_g' Q d_h - d_g' Q_h u_h - u_g' Q_g d_h + [g = h] u_g' Q_g u_g,

    a matrix of rank 2 k and a diagonal. So its trace and its squared norm take time and memory that grow with G alone.

    Attributes:
        whole: S^-1, shape (k, k).
        without: S_g^-1, shape (G, k, k).
        squares: Q_j, shape (G, k, k).
    """

    whole: FloatArray
    without: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, design: FloatArray, weights: FloatArray, cluster: IntArray, n_clusters: int) -> EvenNoise:
        """For ``design`` of shape (n, k); pseudo-inverses, because this is also asked of laws near degeneracy."""
        outer = design[:, :, None] * design[:, None, :]
        left = cluster_sums(outer * weights[:, None, None], cluster, n_clusters)
        squares = cluster_sums(outer * weights[:, None, None] ** 2, cluster, n_clusters)
        total = left.sum(axis=0)
        return cls(np.linalg.pinv(total, hermitian=True), np.linalg.pinv(total - left, hermitian=True), squares)

    def trace_and_norm(self, members: IntArray, weights: FloatArray) -> tuple[float, float]:
        """Of the covariance of the combination ``weights``, shape (k,), over the clusters ``members``.

        Returns:
            Its trace and its squared Frobenius norm.
        """
        k = len(weights)
        without = self.without[members] @ weights
        changed = without - self.whole @ weights
        pushed = np.einsum("gij,gj->gi", self.squares[members], without)
        own = np.einsum("gi,gi->g", without, pushed)
        factors = np.column_stack([changed, pushed])
        core = np.block([[self.squares.sum(axis=0), -np.eye(k)], [-np.eye(k), np.zeros((k, k))]])
        diagonal = np.einsum("gi,ij,gj->g", factors, core, factors, optimize=True)
        inner = core @ (factors.T @ factors)
        norm = float(np.trace(inner @ inner)) + float(np.sum(own * (2 * diagonal + own)))
        return float(np.sum(diagonal + own)), norm
