"""Descents: from a start to an optimum of one objective, by damped Newton steps with the law's own Jacobian.

The field fits these laws with thousands of starts of a quasi-Newton method on finite differences. In centred
parameters (:meth:`Law.centring`) with an exact Jacobian, one start reaches the same optimum or a better one.

This is Levenberg's and Marquardt's method (Madsen, Nielsen, Tingleff 2004, Methods for non-linear least squares
problems, section 3.2) with two changes. Robust losses: only points within delta are curved, so the Newton step is
theirs, damped towards the step of iteratively reweighted least squares, which always descends. Bounds: a parameter at
its bound stays there for as long as the step would take it out, so that a bound is reached exactly. SciPy's
``least_squares`` stays inside of bounds, and takes longer for problems of this size (``studies/scaling_speed``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.objective import FIRST_DELTA, Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.points import BoolArray, FloatArray

__all__ = ["WIDE", "Problem", "descend"]

WIDE = Objective(kind="huber", delta=10 * FIRST_DELTA)
FIRST_DAMPING = 0.1
SMALLEST_DAMPING = 1e-12
LARGEST_DAMPING = 1e12
ROUNDING = 1e-13
"""Of the objective: nothing is to be gained where less was promised and did not come true."""
NEWTON_DAMPING = 1e-3
"""With less, what a step promises is what is left to gain."""


def descend(problem: Problem, phi: FloatArray, objective: Objective, *, tolerance: float, limit: int) -> FloatArray:
    """The end of one descent from ``phi``, for a smooth objective (``huber`` or ``ols``).

    Args:
        tolerance: the descent ends with a step that promises to lower the objective by less than this share.
        limit: of steps.
    """
    lower, upper = problem.bounds()
    longest = problem.longest_step()
    phi = np.clip(phi, lower, upper)
    with np.errstate(all="ignore"):
        residuals = problem.residuals(phi)
        value = float(problem.points.weights @ objective.losses(residuals))
        model = _Model.at(problem, phi, residuals, objective)
        damping, growth = FIRST_DAMPING, 2.0
        for _ in range(limit):
            step = model.step_within(damping, np.maximum(lower - phi, -longest), np.minimum(upper - phi, longest))
            promised = model.promise(step)
            trial = np.clip(phi + step, lower, upper)
            residuals = problem.residuals(trial)
            found = float(problem.points.weights @ objective.losses(residuals))
            done = promised <= tolerance * value and damping <= NEWTON_DAMPING
            if found <= value:
                damping = _less(damping, (value - found) / promised if promised > 0 else 1.0)
                phi, value, growth = trial, found, 2.0
                if not done:
                    model = _Model.at(problem, phi, residuals, objective)
            else:
                damping, growth = damping * growth, 2 * growth
                done = done or promised <= ROUNDING * value
            if done or damping > LARGEST_DAMPING:
                break
    return phi


def _less(damping: float, gain: float) -> float:
    """The damping after a step that gained ``gain`` of what it promised."""
    factor = 0.1 if gain > 0.75 else max(1 / 3, 1 - (2 * gain - 1) ** 3)
    return max(damping * factor, SMALLEST_DAMPING)


@dataclass(frozen=True, slots=True)
class _Model:
    """The objective around a point, in units in which each column of the Jacobian has length one.

    Attributes:
        gradient: shape (k,).
        curvature: of the loss itself, shape (k, k).
        damper: that of the parabolas above it, never less than ``curvature``, plus the unit matrix.
        unit: of each parameter, shape (k,).
    """

    gradient: FloatArray
    curvature: FloatArray
    damper: FloatArray
    unit: FloatArray

    @classmethod
    def at(cls, problem: Problem, phi: FloatArray, residuals: FloatArray, objective: Objective) -> _Model:
        jacobian, weights = problem.jacobian(phi), problem.points.weights
        above = (jacobian.T * (weights * objective.chord(residuals))) @ jacobian
        size = np.sqrt(np.diag(above))
        unit = np.divide(1.0, size, out=np.ones_like(size), where=size > 0)
        chord = above * unit * unit[:, None]
        if objective.kind == "ols":
            curvature = chord
        else:
            curvature = ((jacobian.T * (weights * objective.curvature(residuals))) @ jacobian) * unit * unit[:, None]
        gradient = ((weights * objective.influence(residuals)) @ jacobian) * unit
        return cls(gradient, curvature, chord + np.eye(len(chord)), unit)

    def step_within(self, damping: float, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """The damped Newton step; what would leave ``lower`` or ``upper`` goes there, and the rest goes with it."""
        step = self._step(damping)
        held = np.zeros(len(step), dtype=bool)
        while True:
            over = ~held & ((step < lower) | (step > upper))
            if not over.any():
                return step
            held |= over
            step = self._step(damping, held, np.clip(step, lower, upper))

    def promise(self, step: FloatArray) -> float:
        """By how much ``step`` lowers the objective if the model holds."""
        scaled = step / self.unit
        return float(-(self.gradient @ scaled) - 0.5 * scaled @ self.curvature @ scaled)

    def _step(self, damping: float, held: BoolArray | None = None, at: FloatArray | None = None) -> FloatArray:
        """The minimum of the damped model, where parameters that are ``held`` take their steps ``at``."""
        matrix = self.curvature + damping * self.damper
        if held is None or at is None:
            return -_solved(matrix, self.gradient) * self.unit
        scaled, free = at / self.unit, ~held
        target = self.gradient[free] + matrix[np.ix_(free, held)] @ scaled[held]
        scaled[free] = -_solved(matrix[np.ix_(free, free)], target)
        return scaled * self.unit


def _solved(matrix: FloatArray, target: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.solve(matrix, target), dtype=np.float64)
    except np.linalg.LinAlgError:
        return target / np.diag(matrix)
