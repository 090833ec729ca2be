"""A user's own law, from a Python function."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.laws.base import Law, Parameter, Scale
from ladderscope.scaling.laws.custom_starts import random_theta, scattered
from ladderscope.scaling.laws.differences import by_complex_step, by_differences
from ladderscope.scaling.laws.signature import read_signature
from ladderscope.scaling.points import FloatArray

SCREENED = 200
"""Random starts of which the best is taken, where the user gives none."""
SAME_DERIVATIVE = 1e-4
UNNAMED = "custom law"


class CustomLaw(Law):
    """A law from a function of predictors and parameters.

    ``f(x, b1, b2)`` has one predictor, ``f(N, D, a, b)`` has those that its first arguments are called, and
    ``f(x, p)`` with ``parameters=["b1", "b2"]`` takes an array. Predictors are arrays of shape (n,); the function
    gives y of shape (n,), with NumPy's functions. Defaults of arguments are starts.

    Args:
        function: the law.
        predictors: names of its first arguments, where the arguments' own names do not say it.
        parameters: names of its parameters, where it takes one array.
        start: parameters to start from; the other starts scatter around them. Without it starts are random.
        bounds: (lower, upper) of parameters; those of ``positive`` ones are bounds of the value too.
        positive: parameters that are positive and may be of any size: the fit moves their logarithms.
        jacobian: takes the same arguments and gives the derivatives of y by the parameters, shape (n, k). Without it
            they are computed by complex steps, or by extrapolated differences where the function refuses these.
        scale: of residuals: ``linear``, or ``log`` for relative ones.
        slope: the parameter that comparisons between methods are about.
    """

    source = "the user"
    response = "any"
    falls = False

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        formula: str | None = None,
        predictors: Sequence[str] | None = None,
        parameters: Sequence[str] | None = None,
        start: Mapping[str, float] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        positive: Collection[str] = (),
        jacobian: Callable[..., Any] | None = None,
        scale: Scale = "linear",
        slope: str | None = None,
    ) -> None:
        signature = read_signature(function, predictors, parameters)
        self.function, self.given_jacobian, self.as_array = function, jacobian, signature.as_array
        own = getattr(function, "__name__", UNNAMED)
        self.title = (name or UNNAMED) if own == "<lambda>" else own
        self.name = name or self.title
        self.formula = formula or f"{self.title}({', '.join([*signature.predictors, *signature.parameters])})"
        self.predictors = signature.predictors
        self.scale, self.slope = scale, slope
        self.given_start = {**signature.starts, **(start or {})}
        ends = bounds or {}
        self._check_names(signature.parameters, [*self.given_start, *ends, *positive, *([slope] if slope else [])])
        self.parameters = tuple(
            _parameter(name, ends.get(name, (-np.inf, np.inf)), name in positive) for name in signature.parameters
        )
        self._complex_works: bool | None = None

    def features(self, x: FloatArray) -> FloatArray:
        """The predictors themselves."""
        return x

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """The function on the law's scale, shape (n,)."""
        with np.errstate(all="ignore"):
            return self.to_scale(self._call(self.function, self._natural(theta), features))

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """The given Jacobian, or a computed one, on the law's scale and by theta, shape (n, k)."""
        natural = self._natural(theta)
        with np.errstate(all="ignore"):
            if self.given_jacobian is not None:
                found = np.asarray(self._arguments(self.given_jacobian, natural, features), dtype=np.float64)
            else:
                found = self._computed(natural, features)
            found = found * np.array([v if p.log else 1.0 for p, v in zip(self.parameters, natural, strict=True)])
            if self.scale == "log":
                found = found / np.asarray(self._call(self.function, natural, features))[:, None]
        return np.asarray(found, dtype=np.float64)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Around the given start; without one, the best of many random values of either sign."""
        if len(self.given_start) == len(self.parameters):
            return scattered(self.parameters, self.theta(self.given_start), rng)
        drawn = [random_theta(self.parameters, self.given_start, rng) for _ in range(SCREENED)]
        target = self.to_scale(y)
        misses = [float(np.abs(self.evaluate(theta, x) - target).sum()) for theta in drawn]
        return drawn[int(np.argmin(np.nan_to_num(misses, nan=np.inf, posinf=np.inf)))]

    def starts(self, x: FloatArray, y: FloatArray, n: int, rng: np.random.Generator) -> list[FloatArray]:
        """The given start first."""
        drawn = super().starts(x, y, n, rng)
        return [self.theta(self.given_start), *drawn[1:]] if len(self.given_start) == len(self.parameters) else drawn

    def _computed(self, natural: FloatArray, features: FloatArray) -> FloatArray:
        def function(values: Any) -> Any:
            return self._call(self.function, values, features)

        exact = by_complex_step(function, natural) if self._complex_works is not False else None
        if exact is not None and self._complex_works:
            return exact
        lower, upper = np.array([(0.0 if p.log else p.lower, p.upper) for p in self.parameters]).T
        differences = by_differences(function, natural, lower, upper)
        if exact is None or not np.isfinite(differences).all():
            self._complex_works = False if exact is None else None
            return differences if exact is None else exact
        # abs and its like swallow the imaginary part: trust complex steps once they agree with differences.
        size = np.maximum(np.abs(differences).max(axis=0), np.finfo(float).tiny)
        self._complex_works = bool((np.abs(exact - differences).max(axis=0) <= SAME_DERIVATIVE * size).all())
        return exact if self._complex_works else differences

    def _call(self, function: Callable[..., Any], natural: Any, features: FloatArray) -> Any:
        value = np.asarray(self._arguments(function, natural, features))
        if value.ndim == 0:
            raise UsageError(
                f"{self.title} gives one value for all of {len(features)} points; it must give one each, such as "
                f"{self.parameters[0].name} + 0 * {self.predictors[0]}."
            )
        if value.shape != (len(features),):
            raise UsageError(
                f"{self.title} gives values of shape {value.shape} for {len(features)} points; it must give one each."
            )
        return value

    def _arguments(self, function: Callable[..., Any], natural: Any, features: FloatArray) -> Any:
        try:
            return function(*features.T, natural) if self.as_array else function(*features.T, *natural)
        except Exception as error:
            at = ", ".join(f"{p.name}={np.real(v):.6g}" for p, v in zip(self.parameters, natural, strict=True))
            raise UsageError(f"{self.title} failed at {at}: {type(error).__name__}: {error}") from error

    def _natural(self, theta: FloatArray) -> FloatArray:
        return np.array([np.exp(t) if p.log else t for p, t in zip(self.parameters, theta, strict=True)])

    def _check_names(self, known: Sequence[str], used: Sequence[str]) -> None:
        for name in used:
            if name not in known:
                raise UnknownNameError(f"parameter of {self.title}", name, known)


def _parameter(name: str, ends: tuple[float, float], positive: bool) -> Parameter:
    if positive and ends[1] <= 0:
        raise UsageError(f"{name} is to be positive, and its bounds leave nothing above 0.")
    if ends[0] >= ends[1]:
        raise UsageError(f"the bounds of {name} leave nothing: {ends[0]:g} is not below {ends[1]:g}.")
    return Parameter(name=name, unit="", meaning="", log=positive, lower=ends[0], upper=ends[1])


def load_law(reference: str) -> Law:
    """The law that ``package.module:name`` or ``path/to/file.py:name`` names: a law, or a function for one.

    Raises:
        UsageError: it cannot be imported, or is neither.
    """
    where, _, name = reference.rpartition(":")
    if not where or not name:
        raise UsageError(f"{reference!r} names no law: write package.module:name or file.py:name.")
    module = _imported(where)
    if not hasattr(module, name):
        raise UnknownNameError(f"name in {where}", name, [one for one in vars(module) if not one.startswith("_")])
    found = getattr(module, name)
    if isinstance(found, type):
        found = _made(found, reference)
    if isinstance(found, Law):
        return found
    if not callable(found):
        raise UsageError(f"{reference} is {type(found).__name__}, neither a law nor a function.")
    return CustomLaw(found, name=reference)


def _made(found: type, reference: str) -> Law:
    if not issubclass(found, Law):
        raise UsageError(f"{reference} is a class, neither a law nor a function.")
    try:
        return found()
    except TypeError as error:
        raise UsageError(
            f"{reference} is a class of laws that needs arguments: name a law made by it, such as law = "
            f"{found.__name__}(...)."
        ) from error


def _imported(where: str) -> ModuleType:
    try:
        if where.endswith(".py"):
            return _from_file(Path(where))
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        return importlib.import_module(where)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"there is no file {path} to take a law from.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, "files ending in .py have a loader"
    assert spec.loader is not None, "files ending in .py have a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
