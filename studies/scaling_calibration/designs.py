"""Simulated tables of runs of which the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.points import FloatArray, IntArray, Points

POWER = {"E": 1.7, "B": 60.0, "lambda": 0.25}
CHINCHILLA = {"E": 1.8172, "A": 477.8, "B": 2143.0, "alpha": 0.3473, "beta": 0.3672}


@dataclass(frozen=True, slots=True)
class Design:
    """Runs with known parameters.

    Attributes:
        x: predictors, shape (n, p), and ``run``, shape (n,).
        level, slope: deviations of runs from the law, in log y, and in log y per standard deviation of log x.
        noise: standard deviation of each point, in log y, of ``shape`` ``normal`` or ``heavy`` (t with 3 degrees).
    """

    name: str
    law: Law
    theta: FloatArray
    x: FloatArray
    run: IntArray
    noise: float
    level: float = 0.0
    slope: float = 0.0
    shape: str = "normal"

    def draw(self, rng: np.random.Generator) -> Points:
        """One table."""
        n_runs, n = int(self.run.max()) + 1, len(self.x)
        along = np.log(self.x[:, 0])
        along = (along - along.mean()) / along.std()
        noise = rng.normal(size=n) if self.shape == "normal" else rng.standard_t(3, size=n) / np.sqrt(3)
        deviation = self.level * rng.normal(size=n_runs)[self.run]
        deviation = deviation + self.slope * rng.normal(size=n_runs)[self.run] * along
        log_y = self.law.prediction(self.theta, self.x) + deviation + self.noise * noise
        return Points.of(self.x, np.exp(log_y), run=self.run)


def checkpoints(n_runs: int, *, spans: str, level: float, slope: float, shape: str = "normal") -> Design:
    """Runs of 10 checkpoints on a power law with offset; ``spans``: all the ``same`` budget, or ``growing`` ones."""
    law = law_named("power-offset")
    longest = np.full(n_runs, 1e9) if spans == "same" else np.geomspace(1e7, 10**9.5, n_runs)
    x = (longest[:, None] * np.geomspace(0.01, 1, 10)).reshape(-1, 1)
    about = "level and slope" if slope else "level"
    name = f"{n_runs} runs x 10, {spans} budgets, {about}{', heavy tails' if shape == 'heavy' else ''}"
    return Design(name, law, law.theta(POWER), x, np.repeat(np.arange(n_runs), 10), 0.002, level, slope, shape)


def single_points(n_runs: int, noise: float, shape: str = "normal") -> Design:
    """Runs with their final loss only, on Chinchilla's law."""
    law, rng = law_named("chinchilla"), np.random.default_rng(n_runs)
    n = np.exp(rng.uniform(np.log(5e7), np.log(1.5e10), n_runs))
    d = n * np.exp(rng.uniform(np.log(3), np.log(200), n_runs))
    name = f"Chinchilla, {n_runs} runs, noise {noise}{', heavy tails' if shape == 'heavy' else ''}"
    return Design(name, law, law.theta(CHINCHILLA), np.stack([n, d], axis=1), np.arange(n_runs), noise, shape=shape)


def designs() -> list[Design]:
    """The designs of the study."""
    power = [
        checkpoints(n, spans=spans, level=0.005, slope=slope)
        for n in (6, 8, 12)
        for spans in ("same", "growing")
        for slope in (0.0, 0.003)
    ]
    return [
        *power,
        checkpoints(8, spans="same", level=0.005, slope=0.003, shape="heavy"),
        single_points(24, 0.007),
        single_points(36, 0.007),
        single_points(60, 0.007),
        single_points(24, 0.003),
        single_points(36, 0.007, "heavy"),
    ]
