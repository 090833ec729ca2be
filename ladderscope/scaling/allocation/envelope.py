"""Approach 1: the lower envelope of training curves: which size has the lowest loss at each compute.

Source: Hoffmann et al. 2022 (arXiv:2203.15556), section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ladderscope.scaling.allocation.frontier import Frontier
from ladderscope.scaling.allocation.resampling import bootstrap
from ladderscope.scaling.allocation.runs import C, D, N
from ladderscope.scaling.allocation.solution import CannotAllocateError, Solution
from ladderscope.scaling.points import BoolArray, FloatArray, IntArray, Points
from ladderscope.scaling.settings import FitSettings

BINS = 300
SCHEDULES = (
    "Points before a run's end count as runs that end there, and their loss is too high where the learning rate has "
    "not decayed yet (Hoffmann et al. 2022, arXiv:2203.15556, section 3.1)."
)


@dataclass(frozen=True, slots=True)
class _Curves:
    """Training curves read at the same computes: NaN where a run has no points around. All but ``bins`` are (runs, m).

    Attributes:
        bins: log C, shape (m,).
        loss, params, tokens: logarithms, linear in log C between the points of a run.
    """

    bins: FloatArray
    loss: FloatArray
    params: FloatArray
    tokens: FloatArray

    @classmethod
    def of(cls, points: Points) -> Self:
        """The curves of runs with at least two points at different compute.

        Raises:
            CannotAllocateError: fewer than three runs have any.
        """
        log_x, log_y = np.log(points.x), np.log(points.y)
        runs = [np.flatnonzero(points.run == run) for run in range(points.n_runs)]
        runs = [rows[np.argsort(log_x[rows, C], kind="stable")] for rows in runs]
        runs = [rows for rows in runs if log_x[rows[-1], C] > log_x[rows[0], C]]
        if len(runs) < 3:
            raise CannotAllocateError(
                f"it needs training curves, and {len(runs)} of {points.n_runs} runs have points at several computes: "
                "name the column of runs with --columns run=COLUMN, or use isoflop or parametric"
            )
        bins = np.linspace(min(log_x[rows[0], C] for rows in runs), max(log_x[rows[-1], C] for rows in runs), BINS)
        nan = float("nan")

        def read(values: FloatArray) -> FloatArray:
            return np.array([np.interp(bins, log_x[rows, C], values[rows], left=nan, right=nan) for rows in runs])

        return cls(bins, read(log_y), read(log_x[:, N]), read(log_x[:, D]))

    def winners(self, runs: IntArray) -> tuple[IntArray, BoolArray]:
        """Of the ``runs``, the one with the lowest loss in each bin, and whether there are smaller and larger ones.

        Without smaller and larger sizes at that compute, the winner only says which sizes were trained.
        """
        loss = np.where(np.isnan(self.loss[runs]), np.inf, self.loss[runs])
        at = np.argmin(loss, axis=0)
        covered = np.isfinite(loss)
        size = self.params[runs]
        smallest = np.where(covered, size, np.inf).min(axis=0)
        largest = np.where(covered, size, -np.inf).max(axis=0)
        best = size[at, np.arange(len(self.bins))]
        with np.errstate(invalid="ignore"):
            inner = covered.any(axis=0) & (best > smallest + 1e-9) & (best < largest - 1e-9)
        return runs[at], inner

    def frontier(self, runs: IntArray) -> Frontier | None:
        """The lines through the winners; ``None`` where fewer than two sizes win."""
        winner, inner = self.winners(runs)
        if len(np.unique(winner[inner])) < 2:
            return None
        columns = np.flatnonzero(inner)
        rows = winner[inner]
        return Frontier.through(self.bins[inner], self.params[rows, columns], self.tokens[rows, columns])


def envelope(points: Points, settings: FitSettings) -> Solution:
    """The frontier through the lowest losses of ``points`` of x = (N, D, C), several for each run.

    Raises:
        CannotAllocateError: there are no training curves, or sizes do not overtake each other.
    """
    curves = _Curves.of(points)
    n_runs = len(curves.loss)
    everything = np.arange(n_runs)
    frontier = curves.frontier(everything)
    winner, inner = curves.winners(everything)
    n_winners = len(np.unique(winner[inner]))
    if frontier is None:
        raise CannotAllocateError(
            "no two runs have the lowest loss at some compute with smaller and larger sizes beside them, so it shows "
            "no optimum: train more sizes at the same compute"
        )
    notes = [
        f"{BINS} bins of compute, evenly spaced in log C; {int(inner.sum())} of them, in which {n_winners} runs win, "
        "have smaller and larger sizes beside the winner and count.",
        SCHEDULES,
    ]
    if n_runs < points.n_runs:
        others = f"{points.n_runs - n_runs} of {points.n_runs} runs"
        notes.append(f"Not used, since all of their points have the same compute: {others}.")
    return Solution(frontier=frontier, draws=bootstrap(n_runs, settings, curves.frontier), n_runs=n_runs, notes=notes)
