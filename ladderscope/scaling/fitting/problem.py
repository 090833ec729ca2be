"""What a descent works on: residuals of a law at points, as functions of centred parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ladderscope.scaling.fitting.censored import INFORMATIVE, censored_residuals, censored_slopes
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws.base import LOG_ZERO, Law
from ladderscope.scaling.points import BoolArray, FloatArray, Points

LONGEST_STEP = 5.0
CANCELLED = 1e-8
"""Of the response: residuals below it have lost half of their digits."""


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

    def careful_residuals(self, phi: FloatArray) -> FloatArray:
        """:meth:`residuals`; in extended precision, where the machine has it, if nearly all digits cancel in them."""
        found = self.residuals(phi)
        if self.has_censored or np.abs(found).max(initial=0.0) > CANCELLED * np.abs(self.response).max(initial=0.0):
            return found
        theta: Any = (self.inverse @ phi).astype(np.longdouble)
        x: Any = self.points.x.astype(np.longdouble)
        try:
            return np.asarray(self.law.prediction(theta, x) - self.response, dtype=np.float64)
        except TypeError:
            return found

    def jacobian(self, phi: FloatArray) -> FloatArray:
        """Derivatives of :meth:`residuals` by ``phi``, shape (n, k)."""
        found = self.law.derivatives(self.inverse @ phi, self.features) @ self.inverse
        if self.has_censored:
            at = self.points.censored
            found[at] *= censored_slopes(self.plain_residuals(phi)[at], self.deviation)[:, None]
        return np.asarray(found, dtype=np.float64)

    def informative(self, phi: FloatArray) -> BoolArray:
        """Which points say anything about the optimum at ``phi``, shape (n,): not those far above their bound."""
        found = np.ones(len(self.points), dtype=np.bool_)
        if self.has_censored:
            at = self.points.censored
            found[at] = censored_slopes(self.plain_residuals(phi)[at], self.deviation) >= INFORMATIVE
        return found

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds of ``phi``, shape (k,) each."""
        lower, upper = np.array([p.ends for p in self.law.parameters]).T * np.diag(self.matrix)
        return lower, upper

    def longest_step(self) -> FloatArray:
        """How far one step may move each entry of ``phi``, shape (k,): logarithms of what fades run away otherwise."""
        return np.array([LONGEST_STEP if p.log else np.inf for p in self.law.parameters])

    def theta(self, phi: FloatArray) -> FloatArray:
        """The parameters at ``phi``, shape (k,); what has faded is as good as zero."""
        logs = np.array([p.log for p in self.law.parameters])
        theta = self.inverse @ phi
        return np.where(logs, np.maximum(theta, LOG_ZERO), theta)

    def value(self, phi: FloatArray, objective: Objective) -> float:
        """The objective at ``phi``."""
        return float(self.points.weights @ objective.losses(self.residuals(phi)))
