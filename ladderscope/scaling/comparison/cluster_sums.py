"""Sums over the points of each cluster, in time that grows with points and not with clusters times points."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from ladderscope.scaling.points import FloatArray, IntArray


def cluster_sums(values: FloatArray, cluster: IntArray, n_clusters: int) -> FloatArray:
    """The sums of ``values``, shape (n, ...), over the rows of each ``cluster``; shape (G, ...)."""
    n = len(values)
    members = csr_array((np.ones(n), cluster, np.arange(n + 1)), shape=(n, n_clusters))
    sums = members.T @ values.reshape(n, -1)
    return np.asarray(sums, dtype=np.float64).reshape(n_clusters, *values.shape[1:])
