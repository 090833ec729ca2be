"""Whether an optimum is one, and whether it means what it says: findings in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.identification import at_bounds, condition_number, idle, robust_errors
from ladderscope.scaling.fitting.predictors import correlation, predictor_findings
from ladderscope.scaling.fitting.stationarity import gradient_norm
from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.points import BoolArray
from ladderscope.scaling.results.law_fit import Certificate
from ladderscope.units import counted

LARGEST_GRADIENT = 1e-4
LARGEST_CONDITION = 1e6
SMALLEST_AGREEMENT = 0.5


def certify(fitted: FittedLaw, not_identified: Sequence[str] = ()) -> Certificate:
    """What can be said for and against the optimum of ``fitted``.

    Args:
        not_identified: names of parameters whose intervals have been found unbounded. Exponents that their standard
            errors cannot tell from zero are added.
    """
    law, bound, unused = fitted.law, at_bounds(fitted), idle(fitted)
    held = bound | unused
    gradient = gradient_norm(fitted, held)
    condition = condition_number(fitted, held)
    moved = not np.allclose(fitted.theta, fitted.start, rtol=1e-9, atol=1e-12)
    vague = _vague_exponents(fitted, held)
    named = list(dict.fromkeys([*not_identified, *vague]))
    findings = [
        *_optimum_findings(fitted, gradient, moved),
        *_count_findings(fitted),
        *_bound_findings(fitted, bound, unused),
        *_exponent_findings(fitted, held),
        *(predictor_findings(law.predictors, fitted.points.x) if (fitted.points.x > 0).all() else []),
        *_identity_findings(fitted, held, condition, vague, [name for name in named if name not in vague]),
    ]
    return Certificate(
        passed=not findings,
        gradient_norm=gradient,
        moved=moved,
        n_starts=fitted.n_starts,
        start_agreement=fitted.agreement,
        condition_number=condition,
        predictor_correlation=correlation(fitted.points.x) if (fitted.points.x > 0).all() else None,
        at_bound=[name for name, out in zip(law.names, held, strict=True) if out],
        not_identified=named,
        findings=findings,
    )


def _optimum_findings(fitted: FittedLaw, gradient: float, moved: bool) -> Iterator[str]:
    if gradient > LARGEST_GRADIENT:
        yield f"The objective still falls at the optimum (relative gradient {gradient:.1g}): try more starts."
    if not moved:
        yield "The fit did not move from its start."
    if fitted.n_starts > 1 and fitted.agreement < SMALLEST_AGREEMENT:
        agreeing = round(fitted.agreement * fitted.n_starts)
        yield f"Only {agreeing} of {fitted.n_starts} starts reached this optimum: try more starts."


def _count_findings(fitted: FittedLaw) -> Iterator[str]:
    measured, k = int((~fitted.points.censored).sum()), len(fitted.theta)
    if measured <= k:
        points = counted(measured, "measured point")
        yield f"{points} for {counted(k, 'parameter')}: the law goes through them whether it holds or not."


def _bound_findings(fitted: FittedLaw, bound: BoolArray, unused: BoolArray) -> Iterator[str]:
    for parameter, value, out, gone in zip(fitted.law.parameters, fitted.values.values(), bound, unused, strict=True):
        if gone:
            yield f"{parameter.name} has no influence on any point, so its value says nothing."
        elif out:
            yield _at_bound(parameter, value)


def _at_bound(parameter: Parameter, value: float) -> str:
    side = "lower" if abs(value - parameter.lower) <= abs(parameter.upper - value) else "upper"
    end = parameter.lower if side == "lower" else parameter.upper
    if parameter.name == "E" and end == 0:
        return "E is at its lower bound 0: the points show no floor."
    nothing = f": the points show nothing of it ({parameter.meaning})" if end == 0 and parameter.meaning else ""
    return f"{parameter.name} is at its {side} bound {end:g}{nothing}."


def _exponent_findings(fitted: FittedLaw, held: BoolArray) -> Iterator[str]:
    for parameter, out in zip(fitted.law.parameters, held, strict=True):
        value = fitted.values[parameter.name]
        if not out and value > parameter.doubtful_above:
            yield f"{parameter.name} is {value:.3g}: above {parameter.doubtful_above:g} it fits a step, not a law."


def _identity_findings(
    fitted: FittedLaw, held: BoolArray, condition: float | None, vague: Sequence[str], unbounded: Sequence[str]
) -> Iterator[str]:
    if condition is None and not held.all():
        yield "Some parameters cannot be told apart at all: the points leave directions in which nothing changes."
    elif condition is not None and condition > LARGEST_CONDITION:
        yield f"Some parameters can hardly be told apart (condition number {condition:.1g})."
    for name in vague:
        yield f"{name} is not identified: its standard error is larger than itself ({fitted.values[name]:.3g})."
    for name in unbounded:
        yield f"{name} is not identified: the points do not bound it."


def _vague_exponents(fitted: FittedLaw, held: BoolArray) -> list[str]:
    """Exponents whose robust standard error is larger than themselves."""
    errors = robust_errors(fitted, held)
    found = []
    for parameter, error in zip(fitted.law.parameters, errors, strict=True):
        size = 1.0 if parameter.log else abs(fitted.values[parameter.name])
        if np.isfinite(parameter.doubtful_above) and error > size:
            found.append(parameter.name)
    return found
