"""The memory law of model size and sequence length."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.memory import random_parts
from ladderscope.scaling.laws.terms import centred_powers
from ladderscope.scaling.points import FloatArray


class MemoryLength(Law):
    """M(N, S) = c0 + c1 N + c2 S N^p with c0, c1, c2 >= 0.

    Source: the shape of a training step. Weights, gradients and optimizer state are bytes per parameter; activations
    are proportional to the sequence length times width and depth, which grow as a power of the size: 2/3 where they
    grow together. Attention that keeps its score matrix adds a term in S^2, which this law leaves out.
    """

    name = "memory-length"
    title = "memory law of size and length"
    formula = "M = c0 + c1 N + c2 S N^p"
    source = "the shape of a training step"
    predictors = ("N", "S")
    parameters = (
        Parameter(name="c0", unit="{y}", meaning="what does not depend on model or length", lower=0.0),
        Parameter(
            name="c1", unit="{y} per {N}", meaning="weights, gradients and optimizer state of a parameter", lower=0.0
        ),
        # The logarithm, because c2 and p are nearly collinear unless they are centred together.
        Parameter(
            name="c2", unit="{y} per {S} x ({N})^p", meaning="activations of a token in a model of N = 1", log=True
        ),
        Parameter(name="p", unit="1", meaning="how activations grow with the model", doubtful_above=2.0),
    )
    falls = False
    response = "memory"

    def features(self, x: FloatArray) -> FloatArray:
        """N, log N and log S, shape (n, 3)."""
        return np.concatenate([x[:, :1], np.log(x)], axis=1)

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log M, shape (n,)."""
        fixed, _, activations = self._parts(theta, features)
        return np.asarray(np.log(np.maximum(fixed + activations, np.finfo(float).tiny)), dtype=np.float64)

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives by (c0, c1, log c2, p), shape (n, 4)."""
        fixed, sizes, activations = self._parts(theta, features)
        by = np.stack([np.ones(len(sizes)), sizes, activations, activations * features[:, 1]], axis=1)
        return np.asarray(by / np.maximum(fixed + activations, np.finfo(float).tiny)[:, None], dtype=np.float64)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A random p; the rest around the non-negative least squares of relative residuals that it leaves."""
        power = rng.uniform(0.3, 1.1)
        design = np.stack([np.ones(len(x)), x[:, 0], x[:, 1] * x[:, 0] ** power], axis=1)
        fixed, per_parameter, per_token = random_parts(design, y, rng)
        return np.array([fixed, per_parameter, np.log(per_token), power])

    def centring(self, x: FloatArray) -> FloatArray:
        """c2 becomes the activations of a token in the middle model."""
        matrix = centred_powers(np.log(x), self.names, [("c2", "p", 0)])
        matrix[2, 3] *= -1
        return matrix

    @staticmethod
    def _parts(theta: FloatArray, features: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        sizes, log_n, log_s = features.T
        return theta[0] + theta[1] * sizes, sizes, np.exp(theta[2] + log_s + theta[3] * log_n)
