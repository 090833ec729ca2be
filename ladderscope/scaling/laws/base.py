"""What a law is: a formula with named parameters that can be fitted to points and evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How to fit. ``huber_delta`` is in units of log y; ``resamples`` and ``confidence`` shape the bootstrap."""

    huber_delta: float = 1e-3
    starts: int = 20
    resamples: int = 400
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a law. ``unit`` may hold ``{x}`` and ``{y}``, the units of the axes."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The best parameters found. ``start_agreement`` is the share of starts that reached them."""

    values: dict[str, float]
    objective_value: float
    start_agreement: float | None = None
    warnings: list[str] = field(default_factory=list)


class Law(Protocol):
    """A law y(x). ``slope`` names the parameter that says how fast y changes with x."""

    @property
    def name(self) -> str:
        """The name of the law in results."""

    @property
    def formula(self) -> str:
        """The law as text, in the names of its parameters."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order in which tables show them."""

    @property
    def slope(self) -> str:
        """The parameter that says how fast y changes with x."""

    @property
    def falls(self) -> bool:
        """Whether the law only makes sense where y falls as x grows."""

    def objective(self, settings: FitSettings) -> str:
        """What the fit minimises, in words."""

    def fit(self, x: FloatArray, y: FloatArray, settings: FitSettings) -> Solution:
        """The best fit to positive ``x`` and ``y``; needs more points than parameters."""

    def refit(self, x: FloatArray, y: FloatArray, settings: FitSettings, near: Mapping[str, float]) -> Solution:
        """A quick fit from one start, for resamples of points whose fit is ``near``."""

    def predict(self, x: FloatArray, values: Mapping[str, float]) -> FloatArray:
        """y at ``x``."""
