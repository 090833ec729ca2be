"""Weighted least squares without each cluster in turn, by subtracting its share of the normal equations."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.comparison.cluster_sums import cluster_sums
from ladderscope.scaling.comparison.even_noise import EvenNoise
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
    if not _solvable(left.sum(axis=0, keepdims=True)) or not _solvable(without):
        return None
    value = np.linalg.solve(left.sum(axis=0), right.sum(axis=0))
    replicates = np.linalg.solve(without, right.sum(axis=0) - right)
    unscale = length.reshape(-1, *([1] * (y.ndim - 1)))
    single = y.ndim == 1
    return Jackknifed(
        value=(value[:, 0] if single else value) / unscale,
        replicates=(replicates[:, :, 0] if single else replicates) / unscale,
        stratum=stratum,
        even_noise=EvenNoise.of(design, weights, cluster, len(stratum)),
        lost=lost,
    )


def _normal(
    design: FloatArray, y: FloatArray, weights: FloatArray, cluster: IntArray, n_clusters: int
) -> tuple[FloatArray, FloatArray]:
    """X'WX and X'Wy of each cluster, shapes (G, k, k) and (G, k, m)."""
    columns = y[:, None] if y.ndim == 1 else y
    scaled = design * weights[:, None]
    left = cluster_sums(scaled[:, :, None] * design[:, None, :], cluster, n_clusters)
    # One column of the design at a time: with many data sets their products would be large.
    right = [cluster_sums(column[:, None] * columns, cluster, n_clusters) for column in scaled.T]
    return left, np.stack(right, axis=1)


def _solvable(matrices: FloatArray) -> bool:
    """Whether all of ``matrices``, shape (G, k, k), can be inverted."""
    size = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    if not np.all(size > 0):
        return False
    eigenvalues = np.linalg.eigvalsh(matrices / (size[:, :, None] * size[:, None, :]))
    return bool(np.all(eigenvalues[:, 0] > SINGULAR * eigenvalues[:, -1]))
