"""Kaplan's joint law: loss against parameters and tokens, without a floor."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.terms import log_sum, shares
from ladderscope.scaling.points import FloatArray


class Kaplan(Law):
    """L(N, D) = [(Nc/N)^(alphaN/alphaD) + Dc/D]^alphaD.

    Source: Kaplan et al. 2020 (arXiv:2001.08361), equation 1.5.
    """

    name = "kaplan"
    title = "Kaplan's joint law"
    formula = "L = ((Nc/N)^(alphaN/alphaD) + Dc/D)^alphaD"
    source = "Kaplan et al. 2020, arXiv:2001.08361, equation 1.5"
    predictors = ("N", "D")
    parameters = (
        Parameter(
            name="Nc", unit="{N}", meaning="the size at which a model with infinite data has a loss of 1", log=True
        ),
        Parameter(name="Dc", unit="{D}", meaning="the data with which an infinite model has a loss of 1", log=True),
        Parameter(name="alphaN", unit="1", meaning="how fast loss falls with the model", log=True, doubtful_above=5.0),
        Parameter(name="alphaD", unit="1", meaning="how fast loss falls with the data", log=True, doubtful_above=5.0),
    )

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        return np.asarray(np.exp(theta[3]) * log_sum(self._terms(theta, features)), dtype=np.float64)

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives by (log Nc, log Dc, log alphaN, log alphaD), shape (n, 4)."""
        terms = self._terms(theta, features)
        of_model, of_data = shares(terms)
        alpha_n, alpha_d = np.exp(theta[2:])
        by_alpha_n = alpha_d * of_model * terms[0]
        by_alpha_d = alpha_d * log_sum(terms) - by_alpha_n
        return np.stack([alpha_n * of_model, alpha_d * of_data, by_alpha_n, by_alpha_d], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Random exponents, and scales at which model and data alone each explain a random share of the loss."""
        exponents = rng.uniform(0.05, 0.5, size=2)
        split = rng.uniform(0.2, 0.8)
        level = np.log(y).mean() / exponents[1]
        of_model = (level + np.log(split)) * exponents[1] / exponents[0]
        middle = np.log(x).mean(axis=0) + np.array([of_model, level + np.log(1 - split)])
        return np.array([*middle, *np.log(exponents)])

    @staticmethod
    def _terms(theta: FloatArray, features: FloatArray) -> FloatArray:
        log_nc, log_dc = theta[:2]
        log_n, log_d = features.T
        return np.stack([np.exp(theta[2] - theta[3]) * (log_nc - log_n), log_dc - log_d])
