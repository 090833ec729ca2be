"""A law that has been fitted: the optimum with what statistics are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import BoolArray, FloatArray, Points


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLaw:
    """The optimum of one objective.

    Attributes:
        theta: the parameters as the fit moves them (:meth:`Law.theta`), shape (k,).
        objective: with its delta settled.
        value: of the objective at the optimum.
        start: the ``theta`` from which the optimum was reached, shape (k,).
        n_starts: how many starts were tried; ``agreement`` is the share that reached the best objective.
    """

    law: Law
    points: Points
    objective: Objective
    theta: FloatArray
    value: float
    start: FloatArray
    n_starts: int = 1
    agreement: float = 1.0

    @property
    def values(self) -> dict[str, float]:
        """The parameters by name."""
        return self.law.values(self.theta)

    @property
    def problem(self) -> Problem:
        """The problem that the optimum solves."""
        return Problem.of(self.law, self.points, self.objective.deviation or 0.0)

    @property
    def residuals(self) -> FloatArray:
        """Prediction minus response on the law's scale, shape (n,)."""
        problem = self.problem
        return problem.careful_residuals(problem.matrix @ self.theta)

    @property
    def jacobian(self) -> FloatArray:
        """Derivatives of the residuals by ``theta``, shape (n, k)."""
        problem = self.problem
        return problem.jacobian(problem.matrix @ self.theta) @ problem.matrix

    @property
    def informative(self) -> BoolArray:
        """Which points say anything about the optimum, shape (n,): all but cells that need more than their bound."""
        problem = self.problem
        return problem.informative(problem.matrix @ self.theta)

    @property
    def informative_runs(self) -> BoolArray:
        """Which runs have an informative point, shape (G,): the others are no evidence of how runs vary."""
        return np.bincount(self.points.run, self.informative, minlength=self.points.n_runs) > 0
