"""The power law with offset: loss against compute, tokens or parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import expit

from ladderscope.scaling.laws.base import FitSettings, FloatArray, Parameter, Solution
from ladderscope.scaling.laws.huber import (
    LogProblem,
    Optimum,
    condition_number,
    minimise,
    refine,
    standard_errors,
)

MAX_LAMBDA = 5.0
MIN_E_SHARE = 1e-3
MAX_CONDITION = 1e6
MAX_LOG_B = 700.0  # exp of more is infinite


class PowerLaw:
    """L(x) = E + B x^-lambda, the offset E being the loss that no amount of x removes.

    Sources: Hestness et al. 2017 (arXiv:1712.00409) for the form, Hoffmann et al. 2022 (arXiv:2203.15556) for
    the objective. It has no flat phase before the fall, so it misses the first steps of some fine-tunings.
    """

    name = "power law with offset"
    formula = "L = E + B x^-lambda"
    parameters = (
        Parameter("E", "{y}", "the loss that is left at infinite x"),
        Parameter("B", "{y} x ({x})^lambda", "the reducible loss at x = 1"),
        Parameter("lambda", "1", "the exponent: how fast the reducible loss falls"),
    )
    slope = "lambda"
    falls = True

    def objective(self, settings: FitSettings) -> str:
        """What the fit minimises, in words."""
        return (
            f"sum of Huber losses of log residuals, delta {settings.huber_delta:g} "
            "(close to least absolute deviations where points scatter more than that)"
        )

    def predict(self, x: FloatArray, values: Mapping[str, float]) -> FloatArray:
        """The loss at ``x``, in nats."""
        return np.asarray(values["E"] + values["B"] * x ** -values["lambda"], dtype=np.float64)

    def fit(self, x: FloatArray, y: FloatArray, settings: FitSettings) -> Solution:
        """The best fit of ``settings.starts`` random starts."""
        form = _CentredForm.around(x, y)
        problem = form.problem(x, y)
        starts = form.random_starts(y, settings)
        optimum = minimise(problem, starts, settings.huber_delta)
        return form.solution(optimum, _doubts(form, problem, optimum, y))

    def refit(self, x: FloatArray, y: FloatArray, settings: FitSettings, near: Mapping[str, float]) -> Solution:
        """The fit that one descent from ``near`` reaches."""
        form = _CentredForm.around(x, y)
        return form.solution(refine(form.problem(x, y), form.theta(near, y), settings.huber_delta), [])


@dataclass(frozen=True, slots=True)
class _CentredForm:
    """log L = logaddexp(e, b - k z) with z = (log x - centre) / scale; theta = (e, b, k).

    Raw (E, B, lambda) is ill-conditioned, since B is the loss at x = 1, far outside the data.
    """

    centre: float
    scale: float

    @classmethod
    def around(cls, x: FloatArray, y: FloatArray) -> Self:
        return cls(float(np.log(x).mean()), float(np.log(x).std()) or 1.0)

    def problem(self, x: FloatArray, y: FloatArray) -> LogProblem:
        z = (np.log(x) - self.centre) / self.scale
        log_y = np.log(y)

        def residuals(theta: FloatArray) -> FloatArray:
            return np.asarray(np.logaddexp(theta[0], theta[1] - theta[2] * z) - log_y, dtype=np.float64)

        def jacobian(theta: FloatArray) -> FloatArray:
            reducible_share = expit(theta[1] - theta[2] * z - theta[0])
            columns = (1 - reducible_share, reducible_share, -z * reducible_share)
            return np.stack(columns, axis=1)

        return LogProblem(residuals, jacobian)

    def random_starts(self, y: FloatArray, settings: FitSettings) -> list[FloatArray]:
        rng = np.random.default_rng(settings.seed)
        offsets = rng.uniform(0.3, 0.98, settings.starts) * y.min()
        exponents = rng.uniform(0.1, 1.0, settings.starts)
        return [
            np.array([np.log(offset), np.log(y - offset).mean(), exponent * self.scale])
            for offset, exponent in zip(offsets, exponents, strict=True)
        ]

    def theta(self, values: Mapping[str, float], y: FloatArray) -> FloatArray:
        offset = max(values["E"], MIN_E_SHARE * float(y.min()))
        at_centre = np.log(values["B"]) - values["lambda"] * self.centre
        return np.array([np.log(offset), at_centre, values["lambda"] * self.scale])

    def solution(self, optimum: Optimum, warnings: list[str]) -> Solution:
        e, b, k = (float(value) for value in optimum.theta)
        exponent = k / self.scale
        log_b = min(b + exponent * self.centre, MAX_LOG_B)
        values = {"E": float(np.exp(e)), "B": float(np.exp(log_b)), "lambda": exponent}
        return Solution(
            values=values,
            objective_value=optimum.objective_value,
            start_agreement=optimum.agreement,
            warnings=warnings,
        )


def _doubts(form: _CentredForm, problem: LogProblem, optimum: Optimum, y: FloatArray) -> list[str]:
    """What is wrong with the optimum, in words."""
    doubts = []
    exponent = float(optimum.theta[2]) / form.scale
    jacobian = problem.jacobian(optimum.theta)
    errors = standard_errors(jacobian, problem.residuals(optimum.theta))
    if np.exp(optimum.theta[0]) < MIN_E_SHARE * y.min():
        doubts.append("E is at its lower bound 0: the points show no floor")
    if exponent > MAX_LAMBDA:
        doubts.append(f"lambda is above {MAX_LAMBDA:g}, which is a step rather than a power law")
    if 1.96 * errors[2] / form.scale > abs(exponent) or condition_number(jacobian) > MAX_CONDITION:
        doubts.append("lambda is not identified: other exponents fit nearly as well")
    if optimum.agreement < 0.5:
        doubts.append(f"only {optimum.agreement:.0%} of the starts agree on the best objective")
    return doubts
