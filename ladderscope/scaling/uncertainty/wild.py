"""The wild bootstrap by run: the points stay where they are, and the residuals of each run get a random factor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.uncertainty.clusters import LinearClusters
from ladderscope.scaling.uncertainty.covariance import clustered_covariance
from ladderscope.scaling.uncertainty.draws import FEWEST_DRAWS, Advance, refits

WILD_STREAM = 2
WEBB_WEIGHTS = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
"""Six equally likely factors of mean 0 and variance 1: with six runs, 46656 different draws where the usual two signs
have 64. Source: Webb 2014, Reworking wild bootstrap based inference for clustered errors."""
LARGEST_LEVERAGE = 0.999


@dataclass(frozen=True, slots=True)
class WildDraws:
    """Refits to wild resamples.

    Attributes:
        theta: of each refit, shape (r, k).
        ratio: change of ``theta`` over its standard error in the same resample, shape (r, k).
        failed: resamples that gave none.
    """

    theta: FloatArray
    ratio: FloatArray
    failed: int

    @property
    def enough(self) -> bool:
        """Whether intervals can be read."""
        return len(self.theta) >= max(FEWEST_DRAWS, self.failed)

    def critical_values(self, confidence: float) -> FloatArray:
        """What takes the place of a t quantile, for each parameter, shape (k,)."""
        return np.asarray(np.quantile(np.abs(self.ratio), confidence, axis=0))


def wild_bootstrap(fitted: FittedLaw, resamples: int, *, seed: int = 0, advance: Advance | None = None) -> WildDraws:
    """``fitted`` refitted to ``resamples`` responses y* = prediction + w_c residual, with a Webb weight w_c per run.

    Residuals are on the law's scale. They are smaller than errors, most of all in runs that pull the fit, so each
    run's are first divided by (I - H_cc)^(1/2), as the covariance CR2 does. With few runs percentiles of theta* would
    still be too narrow; so each draw's change of theta is studentised by the clustered covariance of that draw, and
    intervals are theta -+ quantile of |t*| times the standard error (the symmetric bootstrap-t).
    """
    k = len(fitted.theta)
    changes = []
    if clustered_covariance(fitted) is not None:
        for found in refits(fitted, _responses(fitted, resamples, seed), advance):
            covariance = clustered_covariance(found, components=False) if found is not None else None
            if found is not None and covariance is not None:
                changes.append((found.theta, _ratio(found.theta - fitted.theta, covariance.standard_errors)))
    pairs = np.array(changes).reshape(len(changes), 2, k)
    return WildDraws(pairs[:, 0], pairs[:, 1], resamples - len(changes))


def _ratio(change: FloatArray, error: FloatArray) -> FloatArray:
    return np.divide(change, error, out=np.zeros_like(change), where=error > 0)


def _responses(fitted: FittedLaw, resamples: int, seed: int) -> Iterator[Points | None]:
    law, points = fitted.law, fitted.points
    rng = np.random.default_rng([seed, WILD_STREAM])
    prediction = law.prediction(fitted.theta, points.x)
    errors = inflated_residuals(fitted)
    for _ in range(resamples):
        weights = rng.choice(WEBB_WEIGHTS, size=points.n_runs)
        y = law.from_scale(prediction - weights[points.run] * errors)
        yield points.with_y(np.where(points.censored, points.y, y))


def inflated_residuals(fitted: FittedLaw) -> FloatArray:
    """Residuals, shape (n,), each run's divided by (I - H_cc)^(1/2), H being the hat matrix of the linearised fit."""
    residuals, points = fitted.residuals, fitted.points
    linear = LinearClusters.of(fitted)
    if linear is None:
        return residuals
    root = np.sqrt(points.weights)
    basis = np.linalg.qr(root[:, None] * linear.jacobian)[0]
    scaled = root * residuals
    for run in range(points.n_runs):
        rows = points.run == run
        directions, lengths, _ = np.linalg.svd(basis[rows], full_matrices=False)
        gain = (1 - np.minimum(lengths**2, LARGEST_LEVERAGE)) ** -0.5 - 1
        scaled[rows] += directions @ (gain * (directions.T @ scaled[rows]))
    return np.asarray(scaled / root)
