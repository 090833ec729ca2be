"""Where fits of a user's own law may start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.points import FloatArray

SPREAD = 0.5
"""Of starts around the user's, as the deviation of their logarithm."""
WIDE_SPREAD = 2.0
"""Of starts around one, where the user gives none."""


def scattered(parameters: Sequence[Parameter], theta: FloatArray, rng: np.random.Generator) -> FloatArray:
    """``theta`` with each value multiplied by a random factor, within bounds, shape (k,)."""
    factors = rng.normal(scale=SPREAD, size=len(theta))
    moved = [_moved(*one) for one in zip(parameters, theta, factors, strict=True)]
    return np.array(moved, dtype=np.float64)


def random_theta(parameters: Sequence[Parameter], given: Mapping[str, float], rng: np.random.Generator) -> FloatArray:
    """A random theta within bounds, shape (k,), around the values that are ``given``."""
    values = [
        given[p.name] * np.exp(rng.normal(scale=SPREAD)) if p.name in given else _random_value(p, rng)
        for p in parameters
    ]
    clipped = [float(np.clip(value, p.lower, p.upper)) for p, value in zip(parameters, values, strict=True)]
    return np.array([np.log(value) if p.log else value for p, value in zip(parameters, clipped, strict=True)])


def _moved(parameter: Parameter, value: float, factor: float) -> float:
    return float(np.clip(value + factor if parameter.log else value * np.exp(factor), *parameter.ends))


def _random_value(parameter: Parameter, rng: np.random.Generator) -> float:
    size = float(np.exp(rng.normal(scale=WIDE_SPREAD)))
    if parameter.log:
        return size
    below, above = np.isfinite(parameter.lower), np.isfinite(parameter.upper)
    if below and above:
        return float(rng.uniform(parameter.lower, parameter.upper))
    if below:
        return parameter.lower + size
    return parameter.upper - size if above else size * float(rng.choice([-1.0, 1.0]))
