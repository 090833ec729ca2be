"""The affine law: peak memory against sequence length."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import nnls

from ladderscope.scaling.laws.base import FitSettings, FloatArray, Parameter, Solution


class AffineLaw:
    """M(x) = c0 + c1 x with c0, c1 >= 0.

    Source: the shape of a training step. Weights, gradients and optimizer state do not depend on the sequence
    length, and activations are proportional to it as long as attention keeps no score matrix. Attention that
    does keep one adds a term in x squared, which this law leaves out.
    """

    name = "affine law"
    formula = "M = c0 + c1 x"
    parameters = (
        Parameter("c0", "{y}", "the fixed part: weights, gradients, optimizer state"),
        Parameter("c1", "{y} per {x}", "what each unit of x adds"),
    )
    slope = "c1"
    falls = False

    def objective(self, settings: FitSettings) -> str:
        """What the fit minimises, in words."""
        return "non-negative least squares of relative residuals"

    def predict(self, x: FloatArray, values: Mapping[str, float]) -> FloatArray:
        """The memory at ``x``, in bytes."""
        return np.asarray(values["c0"] + values["c1"] * x, dtype=np.float64)

    def fit(self, x: FloatArray, y: FloatArray, settings: FitSettings) -> Solution:
        """The only minimum: the problem is convex, so there are no starts to disagree."""
        # Columns of size one and y = 1 on the right: bytes and tokens differ by six orders of magnitude.
        scale = float(x.max())
        design = np.stack([np.ones_like(x), x / scale], axis=1) * (y.mean() / y)[:, None]
        scaled, residual_norm = nnls(design, np.ones_like(y))
        values = {"c0": float(scaled[0] * y.mean()), "c1": float(scaled[1] * y.mean() / scale)}
        at_bound = [f"{name} is at its lower bound 0" for name, value in values.items() if value == 0]
        return Solution(values=values, objective_value=float(residual_norm**2), warnings=at_bound)

    def refit(self, x: FloatArray, y: FloatArray, settings: FitSettings, near: Mapping[str, float]) -> Solution:
        """The same as :meth:`fit`, which is quick already."""
        return self.fit(x, y, settings)
