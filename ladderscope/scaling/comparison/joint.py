"""The points of two methods in one table, with the clusters that chance draws."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ladderscope.scaling.comparison.pairing import Pairing
from ladderscope.scaling.points import BoolArray, FloatArray, IntArray, Points
from ladderscope.scaling.table import Group

FIRST, SECOND = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JointPoints:
    """The points of two methods.

    Attributes:
        points: predictors (n, p) with a last column that is 0 for points of the first method and 1 for those of the
            second; ``run`` is the cluster: a pair of runs, or one run where runs are independent.
        stratum: of each cluster, shape (n_clusters,): all 0 for pairs, otherwise the method. Clusters of one stratum
            are draws of the same thing.
    """

    points: Points
    stratum: IntArray

    @property
    def method(self) -> IntArray:
        """The method of each point, shape (n,)."""
        return np.asarray(self.points.x[:, -1], dtype=np.int64)

    @property
    def predictors(self) -> FloatArray:
        """The predictors without the method, shape (n, p)."""
        return self.points.x[:, :-1]

    @property
    def paired(self) -> bool:
        """Whether clusters are pairs."""
        return not self.stratum.any()

    @property
    def n_runs(self) -> tuple[int, int]:
        """Runs of each method."""
        counts = [len(np.unique(self.points.run[self.method == method])) for method in (FIRST, SECOND)]
        return counts[0], counts[1]

    def subset(self, keep: BoolArray) -> JointPoints:
        """The points where ``keep``, shape (n,), holds; of pairs, only those with points of both runs."""
        if self.paired:
            complete = [set(self.points.run[keep & (self.method == method)].tolist()) for method in (FIRST, SECOND)]
            keep = keep & np.isin(self.points.run, sorted(complete[0] & complete[1]))
        left = np.unique(self.points.run[keep])
        return JointPoints(points=self.points.subset(keep), stratum=self.stratum[left])

    def within(self, ends: tuple[float, float]) -> JointPoints:
        """The measured points whose first predictor is in ``ends``; lower bounds (censored) are on no line."""
        x = self.points.x[:, 0]
        return self.subset((x >= ends[0]) & (x <= ends[1]) & ~self.points.censored)


def join(first: Group, second: Group, pairing: Pairing) -> JointPoints:
    """The points of both groups; runs without partner are left out of a paired comparison."""
    n_first, n_second = first.points.n_runs, second.points.n_runs
    clusters = [np.full(n_first, -1), np.full(n_second, -1)]
    if pairing.paired:
        for cluster, (mine, theirs) in enumerate(pairing.pairs):
            clusters[FIRST][mine], clusters[SECOND][theirs] = cluster, cluster
        stratum = np.zeros(len(pairing.pairs), dtype=np.int64)
    else:
        clusters = [np.arange(n_first), n_first + np.arange(n_second)]
        stratum = np.repeat([FIRST, SECOND], [n_first, n_second])
    parts = [_labelled(g.points, clusters[at], at) for at, g in enumerate((first, second))]
    stacked = Points(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.run for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.censored for part in parts]),
    )
    return JointPoints(points=stacked.subset(stacked.run >= 0), stratum=stratum)


def _labelled(points: Points, clusters: IntArray, method: int) -> Points:
    x = np.column_stack([points.x, np.full(len(points), float(method))])
    return replace(points, x=x, run=clusters[points.run].astype(np.int64))
