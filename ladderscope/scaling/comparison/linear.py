"""Weighted least squares without each cluster in turn, by subtracting its share of the normal equations."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.points import FloatArray, IntArray

SINGULAR = 1e-12
"""Of the smallest to the largest eigenvalue of the normal equations, with columns of length one."""


def jackknife_lines(
    design: FloatArray, y: FloatArray, weights: FloatArray, cluster: IntArray, stratum: IntArray, *, lost: int
) -> Jackknifed | None:
    """Least squares of ``y`` on ``design``, jackknifed.

    Args:
        design: shape (n, k).
        y: shape (n,), or (n, m) for m data sets of the same design.
        weights: shape (n,).
        cluster: of each point, from 0 to G - 1, shape (n,).
        stratum: of each cluster, shape (G,).
        lost: degrees of freedom that each stratum loses.

    Returns:
        ``None`` where the coefficients are not identified without some cluster.
    """
    length = np.sqrt(np.einsum("n,nk,nk->k", weights, design, design))
    if not np.all(length > 0):
        return None
    scaled = design / length
    left, right = _normal(scaled, y, weights, cluster, len(stratum))
    without = left.sum(axis=0) - left
    if not _solvable(left.sum(axis=0)) or not all(_solvable(matrix) for matrix in without):
        return None
    value = np.linalg.solve(left.sum(axis=0), right.sum(axis=0))
    replicates = np.linalg.solve(without, right.sum(axis=0) - right)
    unscale = length.reshape(-1, *([1] * (y.ndim - 1)))
    single = y.ndim == 1
    return Jackknifed(
        value=(value[:, 0] if single else value) / unscale,
        replicates=(replicates[:, :, 0] if single else replicates) / unscale,
        stratum=stratum,
        even_noise=even_noise(design, weights, cluster, len(stratum)),
        lost=lost,
    )


def even_noise(design: FloatArray, weights: FloatArray, cluster: IntArray, n_clusters: int) -> FloatArray:
    """The covariance of leave-one-cluster-out coefficients under independent noise, shape (G, G, k, k).

    A coefficient without cluster g minus that with all is linear in y: its weights in cluster j are
    (S_g^-1 [j != g] - S^-1) X_j' W_j. Pseudo-inverses, because this is also asked of laws near degeneracy.
    """
    scaled = design * weights[:, None]
    left = np.stack([scaled[cluster == g].T @ design[cluster == g] for g in range(n_clusters)])
    squares = np.stack([scaled[cluster == g].T @ scaled[cluster == g] for g in range(n_clusters)])
    whole = np.linalg.pinv(left.sum(axis=0), hermitian=True)
    without = np.linalg.pinv(left.sum(axis=0) - left, hermitian=True)
    inside = 1 - np.eye(n_clusters)
    change = without[:, None] * inside[:, :, None, None] - whole
    half = change @ squares
    # One product of matrices over (cluster, coefficient): a plain sum over indices takes a hundred times as long.
    size = n_clusters * design.shape[1]
    flat_half, flat = (part.transpose(0, 2, 1, 3).reshape(size, size) for part in (half, change))
    product = (flat_half @ flat.T).reshape(n_clusters, -1, n_clusters, design.shape[1])
    return np.asarray(product.transpose(0, 2, 1, 3), dtype=np.float64)


def _normal(
    design: FloatArray, y: FloatArray, weights: FloatArray, cluster: IntArray, n_clusters: int
) -> tuple[FloatArray, FloatArray]:
    """X'WX and X'Wy of each cluster, shapes (G, k, k) and (G, k, m)."""
    columns = y[:, None] if y.ndim == 1 else y
    scaled = design * weights[:, None]
    rows = [cluster == g for g in range(n_clusters)]
    return (
        np.stack([scaled[members].T @ design[members] for members in rows]),
        np.stack([scaled[members].T @ columns[members] for members in rows]),
    )


def _solvable(matrix: FloatArray) -> bool:
    size = np.sqrt(np.diag(matrix))
    if not np.all(size > 0):
        return False
    eigenvalues = np.linalg.eigvalsh(matrix / np.outer(size, size))
    return bool(eigenvalues[0] > SINGULAR * eigenvalues[-1])
