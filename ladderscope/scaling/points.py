"""The points of a fit, kept together by training run, because the run is what varies at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Points:
    """What a law is fitted to: ``n`` points of ``p`` predictors, all positive.

    Attributes:
        x: predictors, shape (n, p), in the order of the law's ``predictors``.
        y: the response, shape (n,).
        run: index of the training run of each point, shape (n,), from 0 to ``n_runs - 1``. The run is the cluster of
            all statistics: its points share whatever made that run better or worse than the law.
        weights: positive weights of the objective, shape (n,).
        censored: where ``y`` is only a lower bound (out of memory at that capacity), shape (n,).
    """

    x: FloatArray
    y: FloatArray
    run: IntArray
    weights: FloatArray
    censored: BoolArray

    @classmethod
    def of(
        cls,
        x: Sequence[float] | FloatArray,
        y: Sequence[float] | FloatArray,
        *,
        run: Sequence[object] | IntArray | None = None,
        weights: FloatArray | None = None,
        censored: BoolArray | None = None,
    ) -> Self:
        """Points from arrays; ``x`` of shape (n,) is one predictor; without ``run`` each point is a run of its own."""
        columns = np.asarray(x, dtype=np.float64)
        n = len(columns)
        labels = np.arange(n) if run is None else np.unique(np.asarray(run), return_inverse=True)[1]
        return cls(
            columns.reshape(n, -1),
            np.asarray(y, dtype=np.float64),
            np.asarray(labels, dtype=np.int64),
            np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64),
            np.zeros(n, dtype=bool) if censored is None else np.asarray(censored, dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_runs(self) -> int:
        """How many training runs the points come from."""
        return int(self.run.max()) + 1 if len(self) else 0

    def subset(self, keep: BoolArray) -> Self:
        """The points where ``keep``, shape (n,), holds; runs that lose all their points are gone."""
        rows = np.flatnonzero(keep)
        return self._at(rows, np.unique(self.run[rows], return_inverse=True)[1].astype(np.int64))

    def resample(self, runs: Sequence[int] | IntArray) -> Self:
        """The points of the drawn ``runs``; a run that was drawn twice is two runs."""
        drawn = np.asarray(runs, dtype=np.int64)
        by_run = np.argsort(self.run, kind="stable")
        sizes = np.bincount(self.run, minlength=self.n_runs)
        first = np.cumsum(sizes) - sizes
        lengths = sizes[drawn]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = by_run[np.repeat(first[drawn], lengths) + within]
        return self._at(rows, np.repeat(np.arange(len(drawn)), lengths))

    def with_y(self, y: FloatArray) -> Self:
        """The same points with another response."""
        return replace(self, y=np.asarray(y, dtype=np.float64))

    def _at(self, rows: IntArray, run: IntArray) -> Self:
        return replace(
            self, x=self.x[rows], y=self.y[rows], run=run, weights=self.weights[rows], censored=self.censored[rows]
        )
