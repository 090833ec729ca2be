"""How many times the predictor the first method needs for the same response as the second."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from ladderscope.scaling.comparison.jackknife import Jackknifed, Spread
from ladderscope.scaling.comparison.joint import FIRST, SECOND
from ladderscope.scaling.comparison.joint_law import MULTIPLIER, JointLaw
from ladderscope.scaling.comparison.local_slope import Lines
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.comparison import MultiplierAt
from ladderscope.scaling.results.estimates import Ends, Estimate

LARGEST_LOG = 50.0
"""A multiplier of more than e^50 is none."""


def parallel_multiplier(law: JointLaw, estimates: Jackknifed | None, fitted: float, confidence: float) -> Estimate:
    """The multiplier k of the parallel model, its interval from log k."""
    if estimates is None:
        return Estimate(
            float(np.exp(np.clip(fitted, -LARGEST_LOG, LARGEST_LOG))), reason="too few runs for an interval"
        )
    at = law.names.index(MULTIPLIER)
    return exponential(estimates.contrast(np.eye(len(law.names))[at]), confidence)


def multipliers_of_lines(lines: Lines, ends: Ends, confidence: float) -> list[MultiplierAt]:
    """At both ends of the range, from straight lines."""

    def at(log_x: float) -> Callable[[FloatArray], float]:
        def log_k(values: FloatArray) -> float:
            level, slope, other_level, other_slope = values[:4]
            z = log_x - lines.centre
            return float((other_level + other_slope * z - level) / slope - z)

        return log_k

    return _at_ends(lines.estimates, at, ends, confidence, "straight lines")


def multipliers_of_law(
    law: JointLaw, estimates: Jackknifed, others: FloatArray, ends: Ends, confidence: float
) -> list[MultiplierAt]:
    """At both ends of the range, from a fitted law; ``others``: the further predictors, held, shape (p - 1,)."""

    def at(log_x: float) -> Callable[[FloatArray], float]:
        return lambda theta: _same_response(law, theta, log_x, others)

    return _at_ends(estimates, at, ends, confidence, law.model)


def exponential(log_value: Spread, confidence: float) -> Estimate:
    """exp of an estimate, with the interval of its logarithm."""
    value, error = float(log_value.value), float(np.sqrt(log_value.variance))
    if not np.isfinite([value, error]).all() or abs(value) > LARGEST_LOG:
        return Estimate(reason="one method does not reach the other's response within the law")
    half = float(stats.t.isf((1 - confidence) / 2, log_value.freedom)) * error
    low, high = (_bounded(value + sign * half) for sign in (-1, 1))
    reason = "the interval is without bounds on one side" if low is None or high is None else None
    return Estimate(float(np.exp(value)), low, high, float(np.exp(value)) * error, reason)


def _bounded(log_end: float) -> float | None:
    return float(np.exp(log_end)) if abs(log_end) <= LARGEST_LOG else None


def _at_ends(
    estimates: Jackknifed, at: Callable[[float], Callable[[FloatArray], float]], ends: Ends, confidence: float, by: str
) -> list[MultiplierAt]:
    with np.errstate(all="ignore"):
        return [
            MultiplierAt(x=x, by=by, multiplier=exponential(estimates.function(at(float(np.log(x)))), confidence))
            for x in ends
        ]


def _same_response(law: JointLaw, theta: FloatArray, log_x: float, others: FloatArray) -> float:
    """log k such that the first method at k x responds as the second at x; NaN where it never does."""

    def at(method: int, log_value: float) -> float:
        return float(law.of_method(theta, method, np.exp([[log_value, *others]]))[0])

    target = at(SECOND, log_x)
    low, high = (at(FIRST, log_x + shift) - target for shift in (-LARGEST_LOG, LARGEST_LOG))
    if not np.isfinite([low, high]).all() or low * high > 0:
        return float("nan")
    return float(brentq(lambda shift: at(FIRST, log_x + shift) - target, -LARGEST_LOG, LARGEST_LOG, xtol=1e-10))
