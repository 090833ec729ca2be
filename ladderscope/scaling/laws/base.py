"""What a law is: a formula with named parameters, its Jacobian, and where a fit may start.

A fit moves ``theta``, one number for each parameter: its logarithm where it must be positive (``log``), itself
otherwise. Predictions and residuals are on the law's ``scale``: logarithms for losses, so that a residual is a
relative error and the objective that of Hoffmann et al. 2022 (arXiv:2203.15556).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ladderscope.scaling.points import FloatArray

Scale = Literal["log", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a law.

    Attributes:
        name: as in the law's formula.
        unit: may hold ``{y}`` and the names of predictors in braces, such as ``{x}``: their units.
        meaning: what it says, for tables.
        log: whether the parameter is positive, so that the fit moves its logarithm.
        lower, upper: hard bounds of the value; a ``log`` parameter is above 0 whatever they are.
        doubtful_above: a larger value fits a step rather than a law, and is reported as doubtful.
    """

    name: str
    unit: str
    meaning: str
    log: bool = False
    lower: float = -np.inf
    upper: float = np.inf
    doubtful_above: float = np.inf

    @property
    def ends(self) -> tuple[float, float]:
        """The bounds in the terms of ``theta``: infinite where there is none."""
        if not self.log:
            return self.lower, self.upper
        return (float(np.log(self.lower)) if self.lower > 0 else -np.inf), float(np.log(self.upper))


class Law(ABC):
    """A law y(x) of one or more predictors.

    Attributes:
        name: what ``--law`` calls it.
        title: its name in tables and figures.
        formula: the law as text, in the names of its parameters and predictors.
        source: where it comes from.
        predictors: names of its predictors, the columns of ``x``. N: parameters; T: trainable ones; D: tokens or
            examples; C: compute; R: rank; S: sequence length; ``x``, and ``X`` beside D, stand for whichever the user
            chooses.
        parameters: in the order of ``theta``.
        slope: the exponent that comparisons between methods are about, or ``None``.
        scale: of residuals.
        falls: whether the law only makes sense where y falls as predictors grow.
        response: what it explains: a loss, memory, or anything (a user's own law).
    """

    name: str
    title: str
    formula: str
    source: str
    predictors: tuple[str, ...] = ("x",)
    parameters: tuple[Parameter, ...]
    slope: str | None = None
    scale: Scale = "log"
    falls: bool = True
    response: Literal["loss", "memory", "any"] = "loss"

    def features(self, x: FloatArray) -> FloatArray:
        """What the formula is made of, computed once per fit from ``x`` of shape (n, p): logarithms, as a rule."""
        return np.log(x)

    @abstractmethod
    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """The prediction on the law's ``scale`` at :meth:`features`; shape (n,)."""

    @abstractmethod
    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """The derivatives of :meth:`evaluate` by ``theta``, shape (n, k)."""

    def prediction(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """The prediction on the law's ``scale`` for ``x`` of shape (n, p); shape (n,)."""
        return self.evaluate(theta, self.features(x))

    def jacobian(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """The derivatives of :meth:`prediction` by ``theta``, shape (n, k)."""
        return self.derivatives(theta, self.features(x))

    @abstractmethod
    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A random ``theta`` to start from, shape (k,), near points ``x`` (n, p) and ``y`` (n,)."""

    def starts(self, x: FloatArray, y: FloatArray, n: int, rng: np.random.Generator) -> list[FloatArray]:
        """``n`` random starts."""
        return [self.start(x, y, rng) for _ in range(n)]

    def centring(self, x: FloatArray) -> FloatArray:
        """The matrix from ``theta`` to what the optimiser moves, shape (k, k).

        A power law's coefficient is its value at x = 1, far outside the data, and so nearly collinear with its
        exponent. Moving its value at the middle of the data instead makes the problem well-conditioned. Rows of
        parameters with bounds must be diagonal.
        """
        return np.eye(len(self.parameters))

    def predict(self, values: Mapping[str, float], x: FloatArray) -> FloatArray:
        """y at ``x`` of shape (n, p) for parameter ``values`` by name; shape (n,)."""
        return self.from_scale(self.prediction(self.theta(values), np.asarray(x, dtype=np.float64)))

    def to_scale(self, y: FloatArray) -> FloatArray:
        """``y`` on the scale of residuals."""
        return np.log(y) if self.scale == "log" else y

    def from_scale(self, value: FloatArray) -> FloatArray:
        """The inverse of :meth:`to_scale`."""
        return np.exp(value) if self.scale == "log" else value

    def theta(self, values: Mapping[str, float]) -> FloatArray:
        """``values`` by name as the vector that a fit moves."""
        smallest = np.exp(LOG_ZERO)
        return np.array([np.log(max(values[p.name], smallest)) if p.log else values[p.name] for p in self.parameters])

    def values(self, theta: FloatArray) -> dict[str, float]:
        """The inverse of :meth:`theta`."""
        return {
            p.name: float(np.exp(min(t, MAX_EXPONENT)) if p.log else t)
            for p, t in zip(self.parameters, theta, strict=True)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in the order of ``theta``."""
        return tuple(parameter.name for parameter in self.parameters)


MAX_EXPONENT = 700.0
"""exp of more is infinite, and JSON has no infinity."""
LOG_ZERO = -700.0
"""The logarithm that stands for zero: exp of much less is zero, and its logarithm infinite."""
