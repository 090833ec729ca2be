"""The power law with offset: loss against compute, tokens or parameters."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.terms import centred_powers, log_sum, shares
from ladderscope.scaling.points import FloatArray


class PowerOffset(Law):
    """L(x) = E + B x^-lambda, the offset E being the loss that no amount of x removes.

    Source: Hestness et al. 2017 (arXiv:1712.00409). It has no flat phase before the fall, so it misses the first
    steps of some fine-tunings: see :class:`~ladderscope.scaling.laws.rectified.Rectified`.
    """

    name = "power-offset"
    title = "power law with offset"
    formula = "L = E + B x^-lambda"
    source = "Hestness et al. 2017, arXiv:1712.00409"
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss that is left at infinite x", log=True),
        Parameter(name="B", unit="{y} x ({x})^lambda", meaning="the reducible loss at x = 1", log=True),
        Parameter(name="lambda", unit="1", meaning="how fast the reducible loss falls", doubtful_above=5.0),
    )
    slope = "lambda"

    def prediction(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        return log_sum(self._terms(theta, x))

    def jacobian(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """Derivatives by (log E, log B, lambda), shape (n, 3)."""
        offset, power = shares(self._terms(theta, x)).T
        return np.stack([offset, power, -np.log(x[:, 0]) * power], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """An offset below the smallest loss, and an exponent between 0.1 and 1."""
        offset = rng.uniform(0.3, 0.98) * y.min()
        exponent = rng.uniform(0.1, 1.0)
        at_one = np.log(y - offset).mean() + exponent * np.log(x[:, 0]).mean()
        return np.array([np.log(offset), at_one, exponent])

    def centring(self, x: FloatArray) -> FloatArray:
        """B becomes the reducible loss in the middle of the data."""
        return centred_powers(np.log(x), self.names, [("B", "lambda")])

    def _terms(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        e, b, exponent = theta
        return np.stack([np.full(len(x), e), b - exponent * np.log(x[:, 0])], axis=1)
