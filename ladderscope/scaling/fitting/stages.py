"""The stages of a fit: a wide objective that forgives bad starts, what the data settle, the stated objective."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ladderscope.scaling.fitting.censored import MAX_ROUNDS, RELATIVE_CHANGE, noise_deviation
from ladderscope.scaling.fitting.lad import least_absolute
from ladderscope.scaling.fitting.objective import EFFICIENT_DELTA, FIRST_DELTA, Objective, robust_deviation
from ladderscope.scaling.fitting.polish import polished
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.fitting.solver import WIDE, descend
from ladderscope.scaling.points import FloatArray

COARSE, FINE = 1e-6, 1e-12
COARSE_STEPS, FINE_STEPS = 200, 2000
NARROWING = (1e-1, 1e-2, 1e-3, 1e-4)
"""Deltas by which Huber's objective becomes that of absolute deviations, in robust standard deviations."""
NO_NOISE = 1e-9
"""A smaller deviation is that of numbers made by a formula."""


def wide_objective(problem: Problem, objective: Objective) -> Objective:
    """What the first descents minimise. Without logarithms nobody knows a delta before there are residuals."""
    return Objective(kind="ols") if objective.kind == "ols" or problem.law.scale == "linear" else WIDE


def settled(problem: Problem, phi: FloatArray, objective: Objective) -> tuple[Problem, Objective]:
    """``objective`` with its delta or its deviation from the residuals of a first fit from ``phi``."""
    if objective.kind == "ols":
        return _with_deviation(problem, phi, objective)
    if objective.kind == "lad" or objective.delta is not None:
        return problem, objective
    if problem.law.scale == "log":
        first = descend(problem, phi, _narrow(problem, phi), tolerance=COARSE, limit=COARSE_STEPS)
    else:
        first = near_least_absolute(problem, phi)
    measured = ~problem.points.censored
    return problem, objective.settled(problem.residuals(first)[measured], problem.points.weights[measured])


def to_the_end(problem: Problem, phi: FloatArray, objective: Objective) -> FloatArray:
    """The optimum of a settled ``objective`` that is reached from ``phi``, to the last digits."""
    if objective.kind == "lad":
        return least_absolute(problem, near_least_absolute(problem, phi))
    phi = descend(problem, phi, objective, tolerance=FINE, limit=FINE_STEPS)
    return polished(problem, phi) if objective.kind == "ols" else phi


def near_least_absolute(problem: Problem, phi: FloatArray) -> FloatArray:
    """The optimum of absolute deviations but for a 1e-4th of the residuals."""
    phi = descend(problem, phi, _narrow(problem, phi), tolerance=COARSE, limit=COARSE_STEPS)
    deviation = robust_deviation(problem.residuals(phi)[~problem.points.censored])
    for narrowing in NARROWING:
        delta = max(narrowing * deviation, np.finfo(float).tiny)
        phi = descend(problem, phi, Objective(delta=delta), tolerance=1e-9, limit=COARSE_STEPS)
    return phi


def _narrow(problem: Problem, phi: FloatArray) -> Objective:
    if problem.law.scale == "log":
        return Objective(delta=FIRST_DELTA)
    return Objective(delta=max(EFFICIENT_DELTA * robust_deviation(problem.residuals(phi)), np.finfo(float).tiny))


def _with_deviation(problem: Problem, phi: FloatArray, objective: Objective) -> tuple[Problem, Objective]:
    """Alternates between the law and the noise's deviation, each at its maximum likelihood given the other."""
    measured = ~problem.points.censored
    if not problem.has_censored or objective.deviation is not None or not measured.any():
        deviation = objective.deviation or 0.0
        return replace(problem, deviation=deviation), replace(objective, deviation=deviation)
    weights = problem.points.weights
    last = float(np.sqrt(np.average(problem.plain_residuals(phi)[measured] ** 2, weights=weights[measured])))
    for _ in range(MAX_ROUNDS):
        if last < NO_NOISE:
            last = 0.0
            break
        problem = replace(problem, deviation=last)
        phi = descend(problem, phi, objective, tolerance=1e-9, limit=COARSE_STEPS)
        found = noise_deviation(problem.plain_residuals(phi), problem.points.censored, weights, last)
        change, last = abs(found - last), found
        if change <= RELATIVE_CHANGE * found:
            break
    return replace(problem, deviation=last), replace(objective, deviation=last)
