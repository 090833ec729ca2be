"""One law over the points of two methods, with some of its parameters shared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ladderscope.scaling.comparison.joint import FIRST, SECOND
from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.points import BoolArray, FloatArray, IntArray

ModelName = Literal["one curve", "parallel", "shared offset", "all own"]
MODELS: tuple[ModelName, ...] = ("one curve", "parallel", "shared offset", "all own")

OFFSET = "E"
"""How laws name the level that no amount of any predictor goes below."""
MULTIPLIER = "k"
_STEP = 1e-5


class JointLaw(Law):
    """``base`` for two methods; the last column of x says which (0 or 1).

    * ``one curve``: all parameters shared.
    * ``parallel``: all parameters shared, but the first method needs k times the first predictor for the same y: the
      curves are parallel over log x. In a law E + B x^-lambda it is a shared lambda and E, with
      B_first = B_second k^lambda.
    * ``shared offset``: everything own but E.
    * ``all own``: two fits.
    """

    def __init__(self, base: Law, model: ModelName) -> None:
        self.base, self.model = base, model
        self._last: tuple[FloatArray, list[_Seen]] | None = None
        self.name = f"{base.name}, {model}"
        self.title, self.formula, self.source = f"{base.title}, {model}", base.formula, base.source
        self.predictors = (*base.predictors, "method")
        self.slope, self.scale, self.falls, self.response = None, base.scale, base.falls, base.response
        self.shared = _shared_names(base, model)
        shared = [p for p in base.parameters if p.name in self.shared]
        own = [p for p in base.parameters if p.name not in self.shared]
        names = [p.name for p in shared]
        self.parts: tuple[IntArray, IntArray] = (
            _places(base, names, [p.name for p in own], 0),
            _places(base, names, [p.name for p in own], len(own)),
        )
        firsts = [replace(p, name=f"{p.name} (first)") for p in own]
        seconds = [replace(p, name=f"{p.name} (second)") for p in own]
        k = Parameter(name=MULTIPLIER, unit="1", meaning="how many times the predictor the first needs", log=True)
        self.parameters = (*shared, *firsts, *seconds, *([k] if model == "parallel" else []))

    def features(self, x: FloatArray) -> FloatArray:
        """x itself: the base law's features of each method are kept for the x that was seen last."""
        return x

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """The base law's, for each method with its own parameters."""
        found = np.empty(len(features))
        for method, seen in enumerate(self._split(features)):
            found[seen.rows] = self.base.evaluate(theta[self.parts[method]], self._moved(theta, seen, method))
        return found

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """The base law's, in the columns of each method; by log k a central difference over log x."""
        found = np.zeros((len(features), len(theta)))
        for method, seen in enumerate(self._split(features)):
            own = theta[self.parts[method]]
            found[np.ix_(seen.rows, self.parts[method])] = self.base.derivatives(own, self._moved(theta, seen, method))
            if self.model == "parallel" and method == FIRST:
                ends = [self.base.evaluate(own, self._moved(theta, seen, method, step)) for step in (-_STEP, _STEP)]
                found[seen.rows, -1] = (ends[1] - ends[0]) / (2 * _STEP)
        return found

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A start of the base law for each method; what is shared is their mean."""
        theta = np.zeros(len(self.parameters))
        starts = [self.base.start(x[rows, :-1], y[rows], rng) for _, rows in _methods(x)]
        return self.joined(starts[FIRST], starts[SECOND], theta)

    def joined(self, first: FloatArray, second: FloatArray, theta: FloatArray | None = None) -> FloatArray:
        """The theta of both methods from those of each; what is shared is their mean."""
        theta = np.zeros(len(self.parameters)) if theta is None else theta
        theta[self.parts[FIRST]], theta[self.parts[SECOND]] = first, second
        common = np.intersect1d(*self.parts)
        for place in common:
            theta[place] = np.mean([first[self.parts[0] == place], second[self.parts[1] == place]])
        return theta

    def centring(self, x: FloatArray) -> FloatArray:
        """Each method's own; the shared curve's that of all points."""
        matrix = np.eye(len(self.parameters))
        everything = len(np.intersect1d(*self.parts)) == len(self.parts[0])
        for method, rows in _methods(x):
            part = self.parts[method]
            matrix[np.ix_(part, part)] = self.base.centring(x[:, :-1] if everything else x[rows, :-1])
        return matrix

    def of_method(self, theta: FloatArray, method: int, x: FloatArray) -> FloatArray:
        """The prediction for one method at ``x`` of shape (n, p), on the law's scale."""
        return self.prediction(theta, np.column_stack([x, np.full(len(x), float(method))]))

    def place(self, name: str, method: int) -> int:
        """Where in theta the parameter ``name`` of the base law is for one method."""
        return int(self.parts[method][self.base.names.index(name)])

    def _moved(self, theta: FloatArray, seen: _Seen, method: int, step: float = 0.0) -> FloatArray:
        """The base law's features of one method's points, those of the first moved by log k and ``step``."""
        if self.model != "parallel" or method != FIRST:
            return seen.features
        x = seen.x.copy()
        x[:, 0] *= np.exp(-np.clip(theta[-1] + step, -_LARGEST_LOG, _LARGEST_LOG))
        return self.base.features(x)

    def _split(self, x: FloatArray) -> list[_Seen]:
        if self._last is None or self._last[0] is not x:
            seen = [
                _Seen(np.flatnonzero(rows), x[rows, :-1], self.base.features(x[rows, :-1])) for _, rows in _methods(x)
            ]
            self._last = (x, seen)
        return self._last[1]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One method's points: their rows, predictors, and the base law's features of them."""

    rows: IntArray
    x: FloatArray
    features: FloatArray


_LARGEST_LOG = 50.0


def models_of(base: Law) -> list[ModelName]:
    """The nested models that make sense for ``base``: without offset there is none to share."""
    return [model for model in MODELS if model != "shared offset" or _shared_names(base, model)]


def _shared_names(base: Law, model: ModelName) -> list[str]:
    if model == "all own":
        return []
    if model == "shared offset":
        return [name for name in base.names if name == OFFSET]
    return list(base.names)


def _places(base: Law, shared: list[str], own: list[str], skip: int) -> IntArray:
    return np.array(
        [shared.index(n) if n in shared else len(shared) + skip + own.index(n) for n in base.names], dtype=np.int64
    )


def _methods(x: FloatArray) -> list[tuple[int, BoolArray]]:
    return [(method, x[:, -1] == method) for method in (FIRST, SECOND)]
