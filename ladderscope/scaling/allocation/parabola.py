"""A parabola of loss in log N through the runs of one budget, and how well its lowest point is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import stats

from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.estimates import Estimate

FEWEST_SIZES = 3
FLAT = 1e-9
"""A parabola that bends by less than this share of the loss over the points' range is a line."""
OUTER = 0.25


@dataclass(frozen=True, slots=True)
class Parabola:
    """loss = c0 + c1 z + c2 z^2 in z = log N - ``centre``, by weighted least squares.

    Attributes:
        coefficients: c0, c1, c2.
        curvature: X'WX of the least squares, shape (3, 3); ``variance``: of the residuals, NaN without
            ``degrees_of_freedom``.
        low, high: the range of z of the points.
        size: of the loss, by which bending is judged.
    """

    centre: float
    coefficients: FloatArray
    curvature: FloatArray
    variance: float
    degrees_of_freedom: int
    low: float
    high: float
    size: float

    @classmethod
    def through(cls, log_params: FloatArray, loss: FloatArray, weights: FloatArray) -> Self:
        """The parabola through points, shape (n,) each, of at least three different sizes."""
        low, high = float(log_params.min()), float(log_params.max())
        centre = (low + high) / 2
        z = log_params - centre
        design, root = np.stack([np.ones_like(z), z, z * z], axis=1), np.sqrt(weights)
        coefficients = np.linalg.lstsq(design * root[:, None], loss * root, rcond=None)[0]
        squares, freedom = float(weights @ (loss - design @ coefficients) ** 2), len(z) - 3
        return cls(
            centre=centre,
            coefficients=np.asarray(coefficients, dtype=np.float64),
            curvature=(design.T * weights) @ design,
            variance=squares / freedom if freedom > 0 else float("nan"),
            degrees_of_freedom=freedom,
            low=low - centre,
            high=high - centre,
            size=float(np.abs(loss).mean()),
        )

    @property
    def vertex(self) -> float:
        """z of the lowest point; NaN where there is none."""
        _, c1, c2 = self.coefficients
        bends = c2 * (self.high - self.low) ** 2 > FLAT * self.size
        return float(-c1 / (2 * c2)) if bends else float("nan")

    @property
    def inside(self) -> bool:
        """Whether there is a lowest point within the points' range."""
        return self.low <= self.vertex <= self.high

    @property
    def off_centre(self) -> bool:
        """Whether the lowest point is in the outer quarters of the points' range."""
        place = (self.vertex - self.low) / (self.high - self.low)
        return self.inside and not OUTER <= place <= 1 - OUTER

    def optimum(self, confidence: float) -> Estimate:
        """The number of parameters at the lowest point, with Fieller's interval and the delta method's error."""
        if np.isnan(self.vertex):
            return Estimate(reason="no lowest point: the loss does not curve upwards in log N")
        value = _exp(self.centre + self.vertex)
        if not self.inside:
            ends = f"{_exp(self.centre + self.low):.3g} to {_exp(self.centre + self.high):.3g}"
            return Estimate(reason=f"the lowest point would be at {value:.3g} parameters, outside of the runs' {ends}")
        if self.degrees_of_freedom < 1:
            return Estimate(value, reason="three runs leave no residual to judge the lowest point by")
        covariance = np.asarray(self.variance * np.linalg.inv(self.curvature), dtype=np.float64)
        error = value * self._vertex_error(covariance)
        ends_of_z = self._fieller(covariance, confidence)
        if ends_of_z is None:
            reason = f"at {confidence:.0%} the curvature cannot be told from zero, so the lowest point has no bounds"
            return Estimate(value, standard_error=error, reason=reason)
        low, high = (_exp(self.centre + z) for z in ends_of_z)
        return Estimate(value, low, high, standard_error=error)

    def _vertex_error(self, covariance: FloatArray) -> float:
        _, c1, c2 = self.coefficients
        gradient = np.array([0.0, -1 / (2 * c2), c1 / (2 * c2**2)])
        return float(np.sqrt(gradient @ covariance @ gradient))

    def _fieller(self, covariance: FloatArray, confidence: float) -> tuple[float, float] | None:
        """All z at which the slope c1 + 2 c2 z cannot be told from zero; ``None`` where they are not an interval."""
        _, c1, c2 = self.coefficients
        t2 = float(stats.t.ppf(0.5 + confidence / 2, self.degrees_of_freedom)) ** 2
        square = 4 * (c2**2 - t2 * covariance[2, 2])
        if square <= 0:
            return None
        linear = 4 * (c1 * c2 - t2 * covariance[1, 2])
        constant = c1**2 - t2 * covariance[1, 1]
        half = np.sqrt(max(linear**2 - 4 * square * constant, 0.0))
        return float((-linear - half) / (2 * square)), float((-linear + half) / (2 * square))


def _exp(z: float) -> float:
    return float(np.exp(np.clip(z, -700.0, 700.0)))
