"""Chinchilla's law: loss against parameters and tokens."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.terms import centred_powers, log_sum, shares
from ladderscope.scaling.points import FloatArray


class Chinchilla(Law):
    """L(N, D) = E + A/N^alpha + B/D^beta.

    Source: Hoffmann et al. 2022 (arXiv:2203.15556), approach 3.
    """

    name = "chinchilla"
    title = "Chinchilla's law"
    formula = "L = E + A N^-alpha + B D^-beta"
    source = "Hoffmann et al. 2022, arXiv:2203.15556, approach 3"
    predictors = ("N", "D")
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss of an infinite model on infinite data", log=True),
        Parameter(name="A", unit="{y} x ({N})^alpha", meaning="what a model of one parameter adds", log=True),
        Parameter(name="B", unit="{y} x ({D})^beta", meaning="what one token of training adds", log=True),
        Parameter(name="alpha", unit="1", meaning="how fast loss falls with the model", doubtful_above=5.0),
        Parameter(name="beta", unit="1", meaning="how fast loss falls with the data", doubtful_above=5.0),
    )

    def prediction(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        return log_sum(self._terms(theta, x))

    def jacobian(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """Derivatives by (log E, log A, log B, alpha, beta), shape (n, 5)."""
        share = shares(self._terms(theta, x))
        return np.concatenate([share, -np.log(x) * share[:, 1:]], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """An offset below the smallest loss; what is above it is split between model and data at random."""
        offset = rng.uniform(0.3, 0.98) * y.min()
        split = rng.uniform(0.1, 0.9)
        exponents = rng.uniform(0.1, 1.0, size=2)
        middle = np.log(y - offset).mean() + np.log([split, 1 - split])
        return np.array([np.log(offset), *(middle + exponents * np.log(x).mean(axis=0)), *exponents])

    def centring(self, x: FloatArray) -> FloatArray:
        """A and B become what model and data add in the middle of the points."""
        return centred_powers(np.log(x), self.names, [("A", "alpha"), ("B", "beta")])

    def _terms(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        e, a, b, alpha, beta = theta
        log_n, log_d = np.log(x).T
        return np.stack([np.full(len(x), e), a - alpha * log_n, b - beta * log_d], axis=1)
