"""What a fit minimises: a sum over points of a loss of the residual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ladderscope.scaling.medians import weighted_median
from ladderscope.scaling.points import FloatArray

ObjectiveKind = Literal["huber", "ols", "lad"]
OBJECTIVES: tuple[ObjectiveKind, ...] = ("huber", "ols", "lad")

EFFICIENT_DELTA = 1.345
"""Huber's delta in standard deviations at which normal errors lose 5% of efficiency (Huber 1981)."""
SMALLEST_DELTA = 1e-6
FIRST_DELTA = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The kind of objective; ``delta`` in units of the residuals, ``None`` where the residuals choose it.

    * ``huber``: r^2 / 2 up to ``delta`` and delta (|r| - delta / 2) beyond, as in Hoffmann et al. 2022.
    * ``ols``: r^2 / 2.
    * ``lad``: |r|.

    Attributes:
        deviation: of the noise, under ``ols`` with censored points; ``None`` until the fit has estimated it. See
            :mod:`~ladderscope.scaling.fitting.censored`.
    """

    kind: ObjectiveKind = "huber"
    delta: float | None = None
    deviation: float | None = None

    def losses(self, residuals: FloatArray) -> FloatArray:
        """The loss of each residual, shape (n,)."""
        size = np.abs(residuals)
        if self.kind == "lad":
            return size
        if self.kind == "ols":
            return 0.5 * size**2
        delta = self.known_delta
        return np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))

    def influence(self, residuals: FloatArray) -> FloatArray:
        """The derivative of each loss by its residual, shape (n,)."""
        if self.kind == "lad":
            return np.sign(residuals)
        if self.kind == "ols":
            return residuals
        return np.clip(residuals, -self.known_delta, self.known_delta)

    def curvature(self, residuals: FloatArray) -> FloatArray:
        """The second derivative of each loss by its residual, shape (n,)."""
        if self.kind == "huber":
            return np.asarray(np.abs(residuals) <= self.known_delta, dtype=np.float64)
        return np.full(len(residuals), 1.0 if self.kind == "ols" else 0.0)

    def chord(self, residuals: FloatArray) -> FloatArray:
        """The curvature of the parabola that touches each loss at its residual and lies above it, shape (n,)."""
        if self.kind == "ols":
            return np.ones(len(residuals))
        size = np.maximum(np.abs(residuals), np.finfo(float).tiny)
        return np.minimum(1.0, self.known_delta / size) if self.kind == "huber" else 1 / size

    @property
    def known_delta(self) -> float:
        """``delta`` of a Huber objective that has been settled."""
        assert self.delta is not None, "delta is settled before a Huber objective is evaluated"
        return self.delta

    def settled(self, residuals: FloatArray, weights: FloatArray | None = None) -> Objective:
        """This objective with its delta: 1.345 robust standard deviations of ``residuals`` where none was given."""
        if self.kind != "huber" or self.delta is not None:
            return self
        return Objective(
            kind="huber", delta=max(EFFICIENT_DELTA * robust_deviation(residuals, weights), SMALLEST_DELTA)
        )

    def text(self, scale: str) -> str:
        """The objective in words, ``scale`` being that of residuals."""
        of = "relative residuals in log space" if scale == "log" else "residuals"
        if self.kind == "lad":
            return f"least absolute deviations: the sum of absolute {of}"
        if self.kind == "ols":
            return f"least squares: half the sum of squared {of}"
        return f"the sum of Huber losses of {of}, delta {self.known_delta:.3g}"


def robust_deviation(residuals: FloatArray, weights: FloatArray | None = None) -> float:
    """The standard deviation that normal residuals of this median absolute deviation have.

    With ``weights`` of points, shape (n,), both medians are weighted.
    """
    if weights is None:
        return 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))
    return 1.4826 * weighted_median(np.abs(residuals - weighted_median(residuals, weights)), weights)
