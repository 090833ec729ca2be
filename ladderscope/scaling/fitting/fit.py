"""Fitting one law to one set of points: a few random starts, a wide objective first, then the stated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ladderscope.errors import UsageError
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.problem import Problem
from ladderscope.scaling.fitting.solver import descend
from ladderscope.scaling.fitting.stages import (
    COARSE,
    COARSE_STEPS,
    near_least_absolute,
    settled,
    to_the_end,
    wide_objective,
)
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, Points

DEFAULT_OBJECTIVE = Objective()
DEFAULT_STARTS = 6
AGREEMENT_TOLERANCE = 1e-4
"""Two starts agree when their objectives differ by less than this share."""
REFIT_TOLERANCE = 1e-8


def fit_law(
    law: Law | str,
    points: Points,
    objective: Objective = DEFAULT_OBJECTIVE,
    *,
    starts: int = DEFAULT_STARTS,
    seed: int = 0,
    near: FloatArray | None = None,
) -> FittedLaw:
    """Fit ``law`` to ``points`` from ``starts`` random starts.

    A Huber objective without delta takes it from the residuals of a first fit (:meth:`Objective.settled`); least
    squares with censored points take the noise's deviation from the data.

    Args:
        near: a ``theta``, shape (k,), to start from instead of random ones.

    Returns:
        The best optimum, with the share of starts that agree on it.

    Raises:
        UsageError: the law is not finite at any start.
    """
    law = law_named(law) if isinstance(law, str) else law
    problem = Problem.of(law, points)
    rng = np.random.default_rng(seed)
    thetas = [near] if near is not None else law.starts(points.x, points.y, starts, rng)
    wide = wide_objective(problem, objective)
    reached = [
        descend(problem, problem.matrix @ theta, wide, tolerance=COARSE, limit=COARSE_STEPS) for theta in thetas
    ]
    values = [_comparable(problem.value(phi, wide)) for phi in reached]
    order = np.argsort(values)
    problem, stated = settled(problem, reached[order[0]], objective)
    ends = _finished([(values[i], reached[i]) for i in order], lambda phi: to_the_end(problem, phi, stated))
    final = [_comparable(problem.value(phi, stated)) for phi in ends]
    best = int(np.argmin(final))
    if not np.isfinite(final[best]):
        raise UsageError(f"{law.title}: no start gives finite values at all points; give other starts or bounds.")
    return FittedLaw(
        law=law,
        points=points,
        objective=stated,
        theta=problem.theta(ends[best]),
        value=final[best],
        start=thetas[order[best]],
        n_starts=len(thetas),
        agreement=sum(_same(value, final[best]) for value in final) / len(final),
    )


def refit(fitted: FittedLaw, points: Points, *, tolerance: float = REFIT_TOLERANCE) -> FittedLaw:
    """The same law and objective fitted to other ``points`` from the optimum of ``fitted``, quickly."""
    problem = Problem.of(fitted.law, points, fitted.objective.deviation or 0.0)
    phi = problem.matrix @ fitted.theta
    if fitted.objective.kind == "lad":
        phi = near_least_absolute(problem, phi)
    else:
        phi = descend(problem, phi, fitted.objective, tolerance=tolerance, limit=COARSE_STEPS)
    theta = problem.theta(phi)
    return replace(fitted, points=points, theta=theta, value=problem.value(phi, fitted.objective), start=fitted.theta)


def _finished(ends: list[tuple[float, FloatArray]], finish: Callable[[FloatArray], FloatArray]) -> list[FloatArray]:
    """The ``ends`` of the wide stage, best first, at the optimum of the stated objective.

    Ends of the same value are the same point, so they are finished once.
    """
    finished: list[tuple[float, FloatArray]] = []
    for value, phi in ends:
        same = [end for at, end in finished if _same(value, at)]
        finished.append((value, same[0] if same else finish(phi)))
    return [end for _, end in finished]


def _same(value: float, other: float) -> bool:
    return value <= other * (1 + AGREEMENT_TOLERANCE) + 1e-15


def _comparable(value: float) -> float:
    return value if np.isfinite(value) else np.inf
