"""The smoothly broken power law, with one break."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.power_sum import HIGHEST_OFFSET, LOWEST_OFFSET
from ladderscope.scaling.laws.terms import with_offset
from ladderscope.scaling.points import FloatArray


class Broken(Law):
    """L(x) = E + B x^-c0 (1 + (x/d)^(1/f))^(-f (lambda - c0)).

    The reducible loss falls with exponent c0 before d and with lambda after it; f is how many e-folds of x the turn
    takes. Caballero et al. write the change of exponent, c1 = lambda - c0; the exponent beyond the break is what an
    extrapolation goes by.

    Source: Caballero et al. 2022 (arXiv:2210.14891), equation 1 with n = 1.
    """

    name = "broken"
    title = "broken power law"
    formula = "L = E + B x^-c0 (1 + (x/d)^(1/f))^(-f (lambda - c0))"
    source = "Caballero et al. 2022, arXiv:2210.14891, equation 1 with one break"
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss that is left at infinite x", lower=0.0),
        Parameter(name="B", unit="{y} x ({x})^c0", meaning="the reducible loss at x = 1", log=True),
        Parameter(
            name="c0", unit="1", meaning="how fast the reducible loss falls before the break", doubtful_above=5.0
        ),
        Parameter(
            name="lambda", unit="1", meaning="how fast the reducible loss falls after the break", doubtful_above=5.0
        ),
        Parameter(name="d", unit="{x}", meaning="where the break is", log=True),
        Parameter(name="f", unit="1", meaning="how many e-folds of x the break is wide", log=True),
    )
    slope = "lambda"

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        log_x = features[:, 0]
        return with_offset(theta[0], self._reducible(theta, log_x, self._turned(theta, log_x)))

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives by (E, log B, c0, lambda, log d, log f), shape (n, 6)."""
        log_x = features[:, 0]
        change, width = theta[3] - theta[2], np.exp(theta[5])
        beyond = (log_x - theta[4]) / width
        turned, after = self._turned(theta, log_x), expit(beyond)
        reducible = self._reducible(theta, log_x, turned)
        whole = with_offset(theta[0], reducible)
        by_width = change * (beyond * width * after - turned)
        by_parameter = [np.ones(len(log_x)), turned - log_x, -turned, change * after, by_width]
        return np.stack([np.exp(-whole), *(np.exp(reducible - whole) * by for by in by_parameter)], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A random offset and a break among the points; the rest by the straight lines that the law then is."""
        log_x = np.log(x[:, 0])
        offset = rng.uniform(LOWEST_OFFSET, HIGHEST_OFFSET) * y.min()
        turn = rng.uniform(*np.quantile(log_x, [0.1, 0.9]))
        width = rng.uniform(0.1, 1.0)
        turned = width * np.logaddexp(0.0, (log_x - turn) / width)
        lines = np.stack([np.ones(len(y)), turned - log_x, -turned], axis=1)
        start = np.linalg.lstsq(lines, np.log(y - offset), rcond=None)[0]
        return np.array([offset, *start, turn, np.log(width)])

    def centring(self, x: FloatArray) -> FloatArray:
        """B becomes the reducible loss in the middle of the points as the first exponent has it."""
        matrix = np.eye(6)
        matrix[1, 2] = -np.log(x[:, 0]).mean()
        return matrix

    @staticmethod
    def _turned(theta: FloatArray, log_x: FloatArray) -> FloatArray:
        """log x counted from the break on, smoothly."""
        width = np.exp(theta[5])
        return np.asarray(width * np.logaddexp(0.0, (log_x - theta[4]) / width), dtype=np.float64)

    @staticmethod
    def _reducible(theta: FloatArray, log_x: FloatArray, turned: FloatArray) -> FloatArray:
        return np.asarray(theta[1] - theta[2] * log_x - (theta[3] - theta[2]) * turned, dtype=np.float64)
