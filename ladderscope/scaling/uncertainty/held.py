"""A law with one of its parameters held."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray


class HeldLaw(Law):
    """``law`` with the parameter at ``index`` held at ``value``, as the fit moves it: a law of the others."""

    def __init__(self, law: Law, index: int, value: float) -> None:
        self.name, self.title, self.formula, self.source = law.name, law.title, law.formula, law.source
        self.predictors, self.scale = law.predictors, law.scale
        self.falls, self.response = law.falls, law.response
        self.parameters = law.parameters[:index] + law.parameters[index + 1 :]
        self._law, self._index, self._value = law, index, value

    def whole(self, theta: FloatArray) -> FloatArray:
        """``theta`` of the others with the held one in its place, shape (k,)."""
        return np.insert(theta, self._index, self._value)

    def features(self, x: FloatArray) -> FloatArray:
        """Those of the law."""
        return self._law.features(x)

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """That of the law."""
        return self._law.evaluate(self.whole(theta), features)

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Those of the law without the held parameter's, shape (n, k - 1)."""
        return np.delete(self._law.derivatives(self.whole(theta), features), self._index, axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """That of the law."""
        return np.delete(self._law.start(x, y, rng), self._index)

    def centring(self, x: FloatArray) -> FloatArray:
        """That of the law without the held parameter."""
        return np.delete(np.delete(self._law.centring(x), self._index, axis=0), self._index, axis=1)
