"""Points and laws that the tests of uncertainty share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import FloatArray, Points


class Line(Law):
    """y = a + b x: linear, so that linearised statistics are exact."""

    name = "line"
    title = "line"
    formula = "y = a + b x"
    source = "a test"
    parameters = (
        Parameter(name="a", unit="{y}", meaning="the value at zero"),
        Parameter(name="b", unit="{y} / {x}", meaning="the slope"),
    )
    scale = "linear"
    falls = False
    response = "any"

    def features(self, x: FloatArray) -> FloatArray:
        return x

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        return np.asarray(theta[0] + theta[1] * features[:, 0])

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        return np.stack([np.ones(len(features)), features[:, 0]], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return np.array([y.mean(), 0.0])


TRUE = {"E": 1.7, "B": 60.0, "lambda": 0.25}
MakePoints = Callable[..., Points]


@pytest.fixture
def line() -> Law:
    return Line()


@pytest.fixture
def line_points() -> MakePoints:
    """Makes runs of uneven size along a line, each with a level of its own."""

    def make(n_runs: int = 7, run_deviation: float = 0.5, seed: int = 3) -> Points:
        rng = np.random.default_rng(seed)
        run = np.repeat(np.arange(n_runs), 3 + np.arange(n_runs) % 3)
        x = rng.uniform(1, 10, len(run))
        y = 2 + 0.7 * x + run_deviation * rng.normal(size=n_runs)[run] + 0.2 * rng.normal(size=len(run))
        return Points.of(x, y, run=run)

    return make


@pytest.fixture
def power_points() -> MakePoints:
    """Makes losses that fall with compute, ten checkpoints a run, with a level of each run and noise."""

    def make(n_runs: int = 8, run_deviation: float = 0.005, noise: float = 0.002, seed: int = 0) -> Points:
        rng = np.random.default_rng(seed)
        run = np.repeat(np.arange(n_runs), 10)
        x = np.tile(np.geomspace(1e7, 1e9, 10), n_runs)[:, None]
        deviation = run_deviation * rng.normal(size=n_runs)[run] + noise * rng.normal(size=len(run))
        return Points.of(x, PowerOffset().predict(TRUE, x) * np.exp(deviation), run=run)

    return make


@pytest.fixture(scope="session")
def epoch_points() -> Points:
    """The 240 points of Hoffmann et al.'s figure 4 as traced by Epoch AI: all but the five highest losses."""
    shared = os.environ.get("LADDERSCOPE_SHARED_DATA") or Path(__file__).parents[5] / "shared" / "data"
    path = Path(shared) / "scaling" / "epoch-chinchilla" / "svg_extracted_data.csv"
    if not path.is_file():
        pytest.skip(f"no published points at {path}; set LADDERSCOPE_SHARED_DATA to the folder that holds them")
    table = pd.read_csv(path)
    table = table[table["loss"] < table["loss"].nlargest(5).min()]
    size, compute = table["Model Size"].to_numpy(), table["Training FLOP"].to_numpy()
    return Points.of(np.stack([size, compute / (6 * size)], axis=1), table["loss"].to_numpy())
