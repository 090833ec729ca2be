"""Fitting one law to one set of points: a few random starts, a wide objective first, then the stated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.lad import least_absolute
from ladderscope.scaling.fitting.objective import FIRST_DELTA, Objective
from ladderscope.scaling.fitting.solver import WIDE, Problem, descend
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points

DEFAULT_OBJECTIVE = Objective()
DEFAULT_STARTS = 6
AGREEMENT_TOLERANCE = 1e-4
"""Two starts agree when their objectives differ by less than this share."""
COARSE, FINE = 1e-4, 1e-10


def fit_law(
    law: Law,
    points: Points,
    objective: Objective = DEFAULT_OBJECTIVE,
    *,
    starts: int = DEFAULT_STARTS,
    seed: int = 0,
    near: FloatArray | None = None,
) -> FittedLaw:
    """Fit ``law`` to ``points`` from ``starts`` random starts.

    A Huber objective without delta takes it from the residuals of a first fit (:meth:`Objective.settled`).

    Args:
        near: a ``theta``, shape (k,), to start from instead of random ones.

    Returns:
        The best optimum, with the share of starts that agree on it.
    """
    problem = Problem.of(law, points)
    rng = np.random.default_rng(seed)
    thetas = [near] if near is not None else [law.start(points.x, points.y, rng) for _ in range(starts)]
    wide = [descend(problem, problem.matrix @ theta, WIDE, tolerance=COARSE, limit=300) for theta in thetas]
    values = [problem.value(phi, WIDE) for phi in wide]
    order = np.argsort(values)
    settled = _settled(problem, wide[order[0]], objective)
    ends = _polished([(values[i], wide[i]) for i in order], lambda phi: _to_the_end(problem, phi, settled))
    final = [problem.value(phi, settled) for phi in ends]
    best = int(np.argmin(final))
    agreeing = sum(value <= final[best] * (1 + AGREEMENT_TOLERANCE) + 1e-15 for value in final)
    return FittedLaw(
        law=law,
        points=points,
        objective=settled,
        theta=problem.inverse @ ends[best],
        value=final[best],
        start=thetas[order[best]],
        n_starts=len(thetas),
        agreement=agreeing / len(final),
    )


def refit(fitted: FittedLaw, points: Points, *, tolerance: float = COARSE) -> FittedLaw:
    """The same law and objective fitted to other ``points`` from the optimum of ``fitted``, quickly."""
    problem = Problem.of(fitted.law, points)
    phi = problem.matrix @ fitted.theta
    if fitted.objective.kind == "lad":
        phi = least_absolute(problem, descend(problem, phi, _WARM, tolerance=tolerance, limit=200))
    else:
        if fitted.objective.kind == "huber":
            wider = replace(fitted.objective, delta=10 * fitted.objective.known_delta)
            phi = descend(problem, phi, wider, tolerance=tolerance, limit=100)
        phi = descend(problem, phi, fitted.objective, tolerance=tolerance, limit=200)
    theta = problem.inverse @ phi
    return replace(fitted, points=points, theta=theta, value=problem.value(phi, fitted.objective), start=fitted.theta)


_WARM = Objective(kind="huber", delta=FIRST_DELTA)


def _settled(problem: Problem, phi: FloatArray, objective: Objective) -> Objective:
    if objective.kind != "huber" or objective.delta is not None:
        return objective
    first = descend(problem, phi, _WARM, tolerance=COARSE, limit=300)
    return objective.settled(problem.residuals(first)[~problem.points.censored])


def _to_the_end(problem: Problem, phi: FloatArray, objective: Objective) -> FloatArray:
    if objective.kind == "lad":
        return least_absolute(problem, descend(problem, phi, _WARM, tolerance=COARSE, limit=300))
    return descend(problem, phi, objective, tolerance=FINE, limit=1000)


def _polished(ends: list[tuple[float, FloatArray]], polish: Callable[[FloatArray], FloatArray]) -> list[FloatArray]:
    """The ``ends`` of the wide stage, best first, at the optimum of the stated objective.

    Ends of the same value are the same point, so they are polished once.
    """
    finished: list[tuple[float, FloatArray]] = []
    for value, phi in ends:
        same = [end for at, end in finished if abs(value - at) <= AGREEMENT_TOLERANCE * at + 1e-15]
        finished.append((value, same[0] if same else polish(phi)))
    return [end for _, end in finished]
