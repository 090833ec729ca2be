"""Profile likelihood: how far one parameter can go before the others cannot make up for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.fitting.solver import descend
from ladderscope.scaling.fitting.stages import near_least_absolute
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.uncertainty.clusters import LinearClusters
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance
from ladderscope.scaling.uncertainty.held import HeldLaw
from ladderscope.scaling.uncertainty.threshold import thresholds

CLOSE = 0.005
"""An end is found when the square root of the rise is this near to that of the threshold, as a share."""
FARTHEST = 64.0
"""Ends farther than so many expected distances are not looked for: there the profile does not close."""
MOST_STEPS = 14
BETWEEN = (0.35, 0.7, 1.25)
"""Where else the curve is drawn, as shares of the way to its end."""
NO_DIRECTION_STEP = 0.5
MOST_GROWTH = 3.0
TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of one parameter, in the terms of ``theta``.

    Attributes:
        low, high: ends of the interval, at most the parameter's bounds; ``None`` where the objective does not rise by
            the threshold however far one goes: the parameter is not identified on that side.
        value, rise: the curve, in ascending order of ``value``.
        better: a lower objective was met on the way, so that the optimum was none.
    """

    name: str
    low: float | None
    high: float | None
    value: list[float]
    rise: list[float]
    threshold: float
    better: bool


def profiles(fitted: FittedLaw, covariance: ClusteredCovariance | None, *, confidence: float = 0.95) -> list[Profile]:
    """The profile of each parameter; none with too few runs. See :func:`thresholds` for what is compared."""
    limits = thresholds(fitted, covariance, confidence)
    if limits is None or not np.all(np.isfinite(limits)) or limits.min() <= 0:
        return []
    directions = _directions(fitted)
    return [_profile(fitted, j, directions[:, j], float(limit)) for j, limit in enumerate(limits)]


def _directions(fitted: FittedLaw) -> FloatArray:
    """The inverse Hessian, shape (k, k): column j is how all parameters move with parameter j, at first."""
    linear = LinearClusters.of(fitted)
    if linear is None:
        return np.eye(len(fitted.theta))
    return np.asarray(linear.back @ np.linalg.pinv(linear.matrix()) @ linear.back.T)


def _profile(fitted: FittedLaw, index: int, column: FloatArray, threshold: float) -> Profile:
    walk = _Walk(fitted, index, column, threshold)
    low, high = walk.end(-1.0), walk.end(1.0)
    order = np.argsort(walk.values)
    rises = np.array(walk.rises)[order]
    return Profile(
        name=fitted.law.parameters[index].name,
        low=low,
        high=high,
        value=np.array(walk.values)[order].tolist(),
        rise=np.maximum(rises, 0.0).tolist(),
        threshold=threshold,
        better=bool(rises.min() < -1e-3 * threshold),
    )


class _Walk:
    """Steps along the profile of one parameter, each refit started from the last."""

    def __init__(self, fitted: FittedLaw, index: int, column: FloatArray, threshold: float) -> None:
        self.fitted, self.index, self.threshold = fitted, index, threshold
        variance = float(column[index])
        self.expected = float(np.sqrt(2 * threshold * variance)) if variance > 0 else NO_DIRECTION_STEP
        self.values, self.rises = [float(fitted.theta[index])], [0.0]
        lower, upper = np.array([parameter.ends for parameter in fitted.law.parameters]).T
        self.all_bounds, self.bounds = (lower, upper), (float(lower[index]), float(upper[index]))

    def end(self, sign: float) -> float | None:
        """Where the objective has risen by the threshold, going up or down."""
        middle = float(self.fitted.theta[self.index])
        theta, step = self.fitted.theta, self.expected
        inside, outside = (0.0, 0.0), None
        for _ in range(MOST_STEPS):
            at = float(np.clip(middle + sign * step, *self.bounds))
            step = abs(at - middle)
            theta, rise = self._at(theta, at)
            root = float(np.sqrt(max(rise, 0.0) / self.threshold))
            if abs(root - 1) < CLOSE:
                self._between(theta, middle, at)
                return at
            if root < 1:
                inside = (step, root)
                if at in self.bounds:
                    return at
                if step > FARTHEST * self.expected:
                    return None
            else:
                outside = (step, root)
            step = _next_step(inside, outside)
        return middle + sign * step if outside is not None else None

    def _between(self, theta: FloatArray, middle: float, end: float) -> None:
        for share in reversed(BETWEEN):
            at = middle + share * (end - middle)
            if self.bounds[0] <= at <= self.bounds[1]:
                theta, _ = self._at(theta, at)

    def _tangent(self, theta: FloatArray) -> FloatArray:
        """How all parameters move along the profile, per step of the one that is held: a ridge may be bent."""
        fitted = self.fitted
        residuals = fitted.law.prediction(theta, fitted.points.x) - fitted.law.to_scale(fitted.points.y)
        weights = np.sqrt(fitted.points.weights * fitted.objective.chord(residuals))
        jacobian = weights[:, None] * fitted.law.jacobian(theta, fitted.points.x)
        others = np.delete(jacobian, self.index, axis=1)
        lengths = np.linalg.norm(others, axis=0)
        lengths[lengths == 0] = 1.0
        if not np.all(np.isfinite(jacobian)):
            return np.asarray(np.eye(len(theta))[self.index], dtype=np.float64)
        steps = np.linalg.lstsq(others / lengths, -jacobian[:, self.index], rcond=1e-10)[0] / lengths
        moved: FloatArray = np.insert(steps, self.index, 1.0)
        return moved

    def _at(self, near: FloatArray, value: float) -> tuple[FloatArray, float]:
        """The refit with the parameter held at ``value``, and how far the objective rose."""
        held = np.where(np.arange(len(near)) == self.index, value, near)
        moved = np.clip(near + self._tangent(near) * (value - near[self.index]), *self.all_bounds)
        law, objective = HeldLaw(self.fitted.law, self.index, value), self.fitted.objective
        problem = Problem.of(law, self.fitted.points, objective.deviation or 0.0)
        starts = [problem.matrix @ np.delete(theta, self.index) for theta in (moved, held)]
        best = _optimum(problem, min(starts, key=lambda phi: problem.value(phi, objective)), objective)
        rise = problem.value(best, objective) - self.fitted.value
        self.values.append(value)
        self.rises.append(rise)
        return law.whole(problem.inverse @ best), rise


def _optimum(problem: Problem, phi: FloatArray, objective: Objective) -> FloatArray:
    if objective.kind == "lad":
        return near_least_absolute(problem, phi)
    return descend(problem, phi, objective, tolerance=TOLERANCE, limit=200)


def _next_step(inside: tuple[float, float], outside: tuple[float, float] | None) -> float:
    """The step to try next: the root of the rise is nearly proportional to the distance.

    Args:
        inside, outside: (step, root of rise over threshold) on either side of the end; ``None`` where none is known.
    """
    if outside is None:
        step, root = inside
        return step * float(np.clip(1 / max(root, 1e-6), 1.05, MOST_GROWTH))
    share = (1 - inside[1]) / (outside[1] - inside[1])
    return inside[0] + float(np.clip(share, 0.05, 0.95)) * (outside[0] - inside[0])
