"""The rectified law: loss against fine-tuning data, flat at first."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.power_sum import HIGHEST_OFFSET, LOWEST_OFFSET
from ladderscope.scaling.laws.terms import centred_powers, log_sum, shares, with_offset
from ladderscope.scaling.points import FloatArray


class Rectified(Law):
    """L(x) = E + B/(D_l + x^beta): D_l is what pretraining already knew of the task, so the curve starts flat.

    Source: Lin et al. 2024 (arXiv:2402.02314), equation 4.
    """

    name = "rectified"
    title = "rectified law"
    formula = "L = E + B/(D_l + x^beta)"
    source = "Lin et al. 2024, arXiv:2402.02314, equation 4"
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss that is left at infinite x", lower=0.0),
        Parameter(name="B", unit="{y} x ({x})^beta", meaning="the reducible loss times D_l + x^beta", log=True),
        Parameter(
            name="D_l", unit="({x})^beta", meaning="what was learned before: the flat phase ends there", log=True
        ),
        Parameter(name="beta", unit="1", meaning="how fast the reducible loss falls afterwards", doubtful_above=5.0),
    )
    slope = "beta"

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        return with_offset(theta[0], theta[1] - log_sum(self._learned(theta, features)))

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives by (E, log B, log D_l, beta), shape (n, 4)."""
        learned = self._learned(theta, features)
        before, here = shares(learned)
        reducible = theta[1] - log_sum(learned)
        whole = with_offset(theta[0], reducible)
        share = np.exp(reducible - whole)
        return np.stack([np.exp(-whole), share, -share * before, -share * here * features[:, 0]], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """An offset below the smallest loss, a flat phase that ends among the points, a random exponent."""
        offset = rng.uniform(LOWEST_OFFSET, HIGHEST_OFFSET) * y.min()
        exponent = rng.uniform(0.2, 1.0)
        log_x = np.log(x)
        learned = exponent * rng.uniform(log_x.min() - 1, log_x.max())
        theta = np.array([offset, 0.0, learned, exponent])
        theta[1] = np.mean(np.log(y - offset) + log_sum(self._learned(theta, log_x)))
        return theta

    def centring(self, x: FloatArray) -> FloatArray:
        """B and D_l become what they are for x in units of its middle."""
        return centred_powers(np.log(x), self.names, [("B", "beta", 0), ("D_l", "beta", 0)])

    @staticmethod
    def _learned(theta: FloatArray, features: FloatArray) -> FloatArray:
        log_x = features[:, 0]
        return np.stack([np.full(len(log_x), theta[2]), theta[3] * log_x])
