"""The delete-one-cluster jackknife: CR3 standard errors for whatever was estimated without each cluster in turn.

For linear models it is the CR3 (HC3 by cluster) covariance of Bell and McCaffrey 2002, which, unlike CR1, rejects a
true null no more often than stated with as few as six clusters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.comparison.even_noise import EvenNoise
from ladderscope.scaling.points import FloatArray, IntArray

MOST_REFITS = 40
"""With more clusters, what is left out is linearised: each matters so little that its square does not."""
STEP = 1e-4
"""Of differences, in standard errors."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A number with its variance and the degrees of freedom of that variance (arrays of one shape, or scalars)."""

    value: FloatArray
    variance: FloatArray
    freedom: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Jackknifed:
    """Estimates with their values when each of G clusters is left out.

    Attributes:
        value: estimates, shape (k, ...); more axes are independent data sets (simulations).
        replicates: estimates without each cluster, shape (G, k, ...).
        stratum: of each cluster, shape (G,). Clusters of different strata are independent draws of different things.
        even_noise: of the replicates, if all points had independent noise of one size: how unequally clusters matter.
        lost: degrees of freedom that a stratum loses to its estimates.
    """

    value: FloatArray
    replicates: FloatArray
    stratum: IntArray
    even_noise: EvenNoise
    lost: int

    def covariance(self) -> FloatArray:
        """Of the estimates, shape (k, k, ...)."""
        total = 0.0
        for members, share in self._strata():
            off = (self.replicates - self.value)[members]
            total = total + share * np.einsum("gi...,gj...->ij...", off, off)
        return np.asarray(total)

    def contrast(self, weights: FloatArray) -> Spread:
        """The linear combination ``weights``, shape (k,), of the estimates."""
        value = np.tensordot(weights, self.value, axes=1)
        off = np.tensordot(self.replicates, weights, axes=(1, 0)) - value
        return self._spread(value, off, weights)

    def function(self, of: Callable[[FloatArray], float]) -> Spread:
        """A smooth function of the estimates, shape (k,).

        It is evaluated at each replicate, and its gradient is only needed for degrees of freedom; with more than
        ``MOST_REFITS`` clusters its gradient takes the place of both.
        """
        value = np.asarray(of(self.value))
        slopes = self._slopes(lambda estimates: np.atleast_1d(of(estimates)))[:, 0]
        if self._many:
            return self._spread(value, (self.replicates - self.value) @ slopes, slopes)
        return self._spread(value, np.array([of(replicate) for replicate in self.replicates]) - value, slopes)

    def variance_of(self, of: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """The variances of several functions of the estimates, (k,) to (m,); shape (m,); as :meth:`function`."""
        if self._many:
            slopes = self._slopes(of)
            return np.asarray(np.einsum("im,ij,jm->m", slopes, self.covariance(), slopes, optimize=True))
        off = np.array([of(replicate) for replicate in self.replicates]) - of(self.value)
        parts = [share * np.sum(off[members] ** 2, axis=0) for members, share in self._strata()]
        return np.asarray(np.sum(parts, axis=0))

    @property
    def _many(self) -> bool:
        return len(self.replicates) > MOST_REFITS

    def _slopes(self, of: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """The derivatives of functions of the estimates, (k,) to (m,), by central differences; shape (k, m)."""
        steps = STEP * np.sqrt(np.diag(self.covariance())) * np.eye(len(self.value))
        return np.array([(of(self.value + d) - of(self.value - d)) / (2 * d.sum() or 1.0) for d in steps])

    def _spread(self, value: FloatArray, off: FloatArray, weights: FloatArray) -> Spread:
        """Satterthwaite's degrees of freedom over the strata (Welch 1947)."""
        variances, squares = np.zeros_like(value), np.zeros_like(value)
        least = np.inf
        for members, share in self._strata():
            part = share * np.sum(off[members] ** 2, axis=0)
            freedom = self._freedom(members, weights)
            variances, squares, least = variances + part, squares + part**2 / freedom, min(least, freedom)
        with np.errstate(invalid="ignore", divide="ignore"):
            welch = np.where(squares > 0, variances**2 / squares, least)
        return Spread(np.asarray(value), np.asarray(variances), np.asarray(welch))

    def _freedom(self, members: IntArray, weights: FloatArray) -> float:
        """Of the variance from the clusters ``members`` of one stratum.

        G - ``lost`` is right where all clusters matter alike, and too many where a few carry the estimate, such as the
        smallest and the largest run of a slope. Satterthwaite's approximation for even noise (Hansen 2024, jackknife
        standard errors for clustered regression) is too few in simulations of runs that differ in slope. The mean of
        the two rejects at most 6.3% of true nulls in the designs of ``studies/scaling_calibration/slopes.py``.
        """
        plain = max(len(members) - self.lost, 1)
        trace, norm = self.even_noise.trace_and_norm(members, weights)
        effective = trace**2 / norm if norm > 0 else plain
        return min(plain, (plain + effective) / 2)

    def _strata(self) -> list[tuple[IntArray, float]]:
        found = [np.flatnonzero(self.stratum == stratum) for stratum in np.unique(self.stratum)]
        return [(members, (len(members) - 1) / len(members)) for members in found]
