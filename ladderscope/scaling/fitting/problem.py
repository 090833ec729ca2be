"""What a descent works on: residuals of a law at points, as functions of centred parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.censored import censored_residuals, censored_slopes
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points


@dataclass(frozen=True, slots=True)
class Problem:
    """Residuals of a law at points, as functions of the centred parameters ``phi`` that the optimiser moves.

    Attributes:
        response: of the points, on the law's scale.
        features: of the law at the points (:meth:`Law.features`).
        matrix, inverse: from theta to phi, and back.
        deviation: of the noise at censored points; 0 makes them hinges.
    """

    law: Law
    points: Points
    response: FloatArray
    features: FloatArray
    matrix: FloatArray
    inverse: FloatArray
    deviation: float = 0.0
    has_censored: bool = False

    @classmethod
    def of(cls, law: Law, points: Points, deviation: float = 0.0) -> Problem:
        """The problem of fitting ``law`` to ``points``."""
        matrix = law.centring(points.x)
        inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
        censored = bool(points.censored.any())
        return cls(law, points, law.to_scale(points.y), law.features(points.x), matrix, inverse, deviation, censored)

    def plain_residuals(self, phi: FloatArray) -> FloatArray:
        """Prediction minus response on the law's scale, shape (n,), whether censored or not."""
        return self.law.evaluate(self.inverse @ phi, self.features) - self.response

    def residuals(self, phi: FloatArray) -> FloatArray:
        """Prediction minus response on the law's scale, shape (n,); a censored point counts only from below."""
        found = self.plain_residuals(phi)
        if self.has_censored:
            at = self.points.censored
            found[at] = censored_residuals(found[at], self.deviation)
        return found

    def jacobian(self, phi: FloatArray) -> FloatArray:
        """Derivatives of :meth:`residuals` by ``phi``, shape (n, k)."""
        found = self.law.derivatives(self.inverse @ phi, self.features) @ self.inverse
        if self.has_censored:
            at = self.points.censored
            found[at] *= censored_slopes(self.plain_residuals(phi)[at], self.deviation)[:, None]
        return np.asarray(found, dtype=np.float64)

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds of ``phi``, shape (k,) each."""
        parameters = self.law.parameters
        scale = np.diag(self.matrix)
        lower = np.array([-np.inf if p.log else p.lower for p in parameters]) * scale
        upper = np.array([np.inf if p.log else p.upper for p in parameters]) * scale
        return lower, upper

    def value(self, phi: FloatArray, objective: Objective) -> float:
        """The objective at ``phi``."""
        return float(self.points.weights @ objective.losses(self.residuals(phi)))
