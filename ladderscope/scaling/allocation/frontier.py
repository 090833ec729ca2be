"""The compute-optimal frontier: parameters and tokens as power laws of compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ladderscope.scaling.points import FloatArray


@dataclass(frozen=True, slots=True)
class PowerLine:
    """log y = ``level`` + ``exponent`` log C."""

    exponent: float
    level: float

    @classmethod
    def through(cls, log_compute: FloatArray, log_y: FloatArray) -> Self:
        """The least-squares line through points, shape (n,) each, of at least two different ``log_compute``."""
        from_middle = log_compute - log_compute.mean()
        exponent = float(from_middle @ log_y / (from_middle @ from_middle))
        return cls(exponent, float(log_y.mean() - exponent * log_compute.mean()))


@dataclass(frozen=True, slots=True)
class Frontier:
    """N_opt(C) and D_opt(C), in FLOPs, parameters and tokens."""

    params: PowerLine
    tokens: PowerLine

    @classmethod
    def through(cls, log_compute: FloatArray, log_params: FloatArray, log_tokens: FloatArray) -> Self:
        """The least-squares lines through optima, shape (n,) each."""
        return cls(PowerLine.through(log_compute, log_params), PowerLine.through(log_compute, log_tokens))

    @property
    def vector(self) -> FloatArray:
        """Exponent and level of parameters, then of tokens, shape (4,)."""
        return np.array([self.params.exponent, self.params.level, self.tokens.exponent, self.tokens.level])
