"""NIST's files of certified non-linear regressions (StRD): the law as text becomes a function."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladderscope.scaling.laws.base import Scale
from ladderscope.scaling.laws.custom import CustomLaw
from ladderscope.scaling.points import FloatArray, Points

ROW = re.compile(r"\s+b\d+ =")
DECIMALS_OF_LANCZOS1 = 14


@dataclass(frozen=True)
class Certified:
    """A problem with its answer; ``starts`` is (2, k)."""

    law: CustomLaw
    points: Points
    starts: FloatArray
    values: FloatArray
    deviations: FloatArray


def read_certified(path: Path) -> Certified:
    lines = path.read_text(encoding="ascii").splitlines()
    model = next(i for i, line in enumerate(lines) if line.startswith("Model:"))
    starts = next(i for i, line in enumerate(lines) if "Starting" in line and i > model)
    text = " ".join(line.strip() for line in lines[model:starts])
    numbers = np.array([line.split("=")[1].split() for line in lines if ROW.match(line)], dtype=float)
    first = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    data = np.array([line.split() for line in lines[first:] if line.strip()], dtype=float)
    scale: Scale = "log" if "log[y]" in text else "linear"
    law, points = _exact(path.stem, _function(text, len(numbers), data.shape[1] - 1, scale), data, scale)
    return Certified(law, points, numbers[:, :2].T, numbers[:, 2], numbers[:, 3])


def _function(text: str, n_parameters: int, n_predictors: int, scale: Scale) -> Callable[..., Any]:
    right = text[re.search(r"(log\[y\]|\by)\s*=", text).end() : text.rindex("+")]  # type: ignore[union-attr]
    right = right.translate(str.maketrans("[]", "()")).replace("arctan", "np.arctan")
    right = re.sub(r"\b(exp|cos|sin|pi)\b", r"np.\1", right)
    predictors = ["x"] if n_predictors == 1 else [f"x{i + 1}" for i in range(n_predictors)]
    arguments = ", ".join([*predictors, *(f"b{i + 1}" for i in range(n_parameters))])
    body = f"np.exp({right.strip()})" if scale == "log" else right.strip()
    return eval(f"lambda {arguments}: {body}", {"np": np})  # type: ignore[no-any-return]


def _exact(name: str, function: Callable[..., Any], data: FloatArray, scale: Scale) -> tuple[CustomLaw, Points]:
    predictors = ["x"] if data.shape[1] == 2 else ["x1", "x2"]
    if name != "Lanczos1":
        return CustomLaw(function, predictors=predictors, scale=scale), Points.of(data[:, 1:], data[:, 0])
    # Its residuals are 1e-13 of 14 decimals, which binary fractions round to three digits of the sum of squares: in
    # units of the last decimal, points are whole numbers.
    unit = 10**DECIMALS_OF_LANCZOS1

    def whole(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any) -> Any:
        return unit * function(x / 100, b1, b2, b3, b4, b5, b6)

    return CustomLaw(whole), Points.of(np.round(100 * data[:, 1:]), np.round(unit * data[:, 0]))
