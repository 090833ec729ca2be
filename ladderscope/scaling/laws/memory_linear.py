"""The linear memory law: peak memory against sequence length, batch or parameters."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.memory import random_parts
from ladderscope.scaling.points import FloatArray


class MemoryLinear(Law):
    """M(x) = c0 + c1 x with c0, c1 >= 0.

    Source: the shape of a training step. Weights, gradients and optimizer state do not depend on the sequence length,
    and activations are proportional to it as long as attention keeps no score matrix.
    """

    name = "memory-linear"
    title = "linear memory law"
    formula = "M = c0 + c1 x"
    source = "the shape of a training step"
    parameters = (
        Parameter(name="c0", unit="{y}", meaning="the fixed part: weights, gradients, optimizer state", lower=0.0),
        Parameter(name="c1", unit="{y} per {x}", meaning="what each unit of x adds", lower=0.0),
    )
    slope = "c1"
    falls = False
    response = "memory"

    def features(self, x: FloatArray) -> FloatArray:
        """1 and x, shape (n, 2)."""
        return np.stack([np.ones(len(x)), x[:, 0]], axis=1)

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log M, shape (n,)."""
        return np.asarray(np.log(self._memory(theta, features)), dtype=np.float64)

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives by (c0, c1), shape (n, 2)."""
        return np.asarray(features / self._memory(theta, features)[:, None], dtype=np.float64)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Around the non-negative least squares of relative residuals."""
        return random_parts(self.features(x), y, rng)

    @staticmethod
    def _memory(theta: FloatArray, features: FloatArray) -> FloatArray:
        return np.asarray(np.maximum(features @ theta, np.finfo(float).tiny), dtype=np.float64)
