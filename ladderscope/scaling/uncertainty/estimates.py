"""Each parameter with its intervals side by side, the one to quote, and where they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ladderscope.scaling.fitting.identification import at_bounds
from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.results.estimates import Ends, ParameterEstimate
from ladderscope.scaling.uncertainty.clusters import LinearClusters
from ladderscope.scaling.uncertainty.covariance import fewest_runs
from ladderscope.scaling.uncertainty.evidence import Evidence, in_values

QUOTED = ("covariance", "profile", "bootstrap")
"""The first that exists is quoted. In simulations the t interval of the clustered covariance covers 93 to 97% but for
the exceptions in studies/scaling_calibration/README.md, and percentiles of the pairs bootstrap 91% with few runs."""
MOST_LENGTH_RATIO = 2.0
"""Intervals of which one is longer than another by more than this factor disagree."""


def parameter_estimates(evidence: Evidence, units: dict[str, str]) -> dict[str, ParameterEstimate]:
    """The parameters by name.

    Args:
        units: what stands for the names in braces of the parameters' units: those of y and of the predictors.
    """
    parameters = evidence.fitted.law.parameters
    return {parameter.name: _estimate(evidence, i, parameter, units) for i, parameter in enumerate(parameters)}


def not_identified(evidence: Evidence) -> list[str]:
    """The parameters whose profile does not close on some side."""
    return [name for i, name in enumerate(evidence.fitted.law.names) if evidence.unclosed(i)]


def _estimate(evidence: Evidence, index: int, parameter: Parameter, units: dict[str, str]) -> ParameterEstimate:
    value = evidence.fitted.values[parameter.name]
    intervals = evidence.intervals(index)
    error = evidence.standard_error(index)
    written = {method: in_values(parameter, ends) for method, ends in intervals.items()}
    finite = {method: ends for method, ends in written.items() if np.all(np.isfinite(ends))}
    method = _quoted(evidence, index, finite)
    side, at_bound = evidence.unclosed(index), evidence.at_lower_bound(index)
    return ParameterEstimate(
        value=value,
        unit=_unit(parameter.unit, units),
        meaning=parameter.meaning,
        standard_error=error * value if error is not None and parameter.log else error,
        interval=finite[method] if method else None,
        interval_method=method,
        intervals=finite,
        reason=None if method else _why_no_interval(evidence, index, side),
        warnings=[
            *_unidentified(parameter, side, at_bound),
            *_disagreement(parameter, intervals),
        ],
    )


def _quoted(evidence: Evidence, index: int, finite: dict[str, Ends]) -> str | None:
    """A parameter whose profile does not close has no interval to quote but that profile's, if 0 closes it."""
    methods: Sequence[str] = ("profile",) if evidence.unclosed(index) else QUOTED
    return next((method for method in methods if method in finite), None)


def _why_no_interval(evidence: Evidence, index: int, side: str | None) -> str:
    if side:
        return f"not identified {side}: the objective does not rise however far it goes there"
    fitted = evidence.fitted
    if at_bounds(fitted)[index]:
        return f"{fitted.law.names[index]} is held at its bound {fitted.values[fitted.law.names[index]]:g}"
    linear, runs = LinearClusters.of(fitted), int(fitted.informative_runs.sum())
    k = len(fitted.theta) if linear is None else linear.n_free
    if runs < fewest_runs(k):
        return f"too few runs ({runs}) to tell how runs vary; at least {fewest_runs(k)} are needed for an interval"
    if evidence.covariance is not None:
        return f"{fitted.law.names[index]} has no influence on any point"
    return "the points do not determine it without some of the runs"


def _unidentified(parameter: Parameter, side: str | None, at_bound: bool) -> list[str]:
    if at_bound or (parameter.log and side == "below"):
        return [
            f"{parameter.name} cannot be told from {max(parameter.lower, 0.0) if parameter.log else parameter.lower:g}"
        ]
    if not side:
        return []
    return [f"{parameter.name} is not identified {side}: the points do not bound it there"]


def _disagreement(parameter: Parameter, intervals: dict[str, Ends]) -> list[str]:
    """One sentence where intervals disagree, in the terms of ``theta``, in which they are roughly symmetric.

    Two disagree where one is more than twice as long, or does not hold the other's middle. Intervals that a bound cuts
    off are left out.
    """
    closed = {
        method: ends
        for method, ends in intervals.items()
        if np.all(np.isfinite(ends)) and parameter.ends[0] < ends[0] and ends[1] < parameter.ends[1]
    }
    for (one, a), (other, b) in combinations(closed.items(), 2):
        lengths = sorted((a[1] - a[0], b[1] - b[0]))
        if lengths[1] > MOST_LENGTH_RATIO * lengths[0] or not _holds(a, b) or not _holds(b, a):
            first, second = (_text(in_values(parameter, ends)) for ends in (a, b))
            return [f"intervals of {parameter.name} disagree: {first} by {one}, {second} by {other}"]
    return []


def _holds(ends: Ends, other: Ends) -> bool:
    return ends[0] <= (other[0] + other[1]) / 2 <= ends[1]


def _text(ends: Ends) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}"


def _unit(template: str, units: dict[str, str]) -> str:
    for name, unit in units.items():
        template = template.replace("{" + name + "}", unit)
    return template
