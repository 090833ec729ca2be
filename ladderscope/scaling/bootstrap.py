"""The bootstrap over training runs: resample whole runs, never the points of a run, which are not independent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.laws import FitSettings, FloatArray, Law
from ladderscope.scaling.points import Run
from ladderscope.scaling.slope import log_slope

MIN_RUNS_FOR_INTERVAL = 4
MIN_SHARE_OF_RESAMPLES = 0.8

TOO_FEW_RUNS = "too few runs ({n_runs}) for an interval; at least {minimum} are needed"
ONE_SEED = "the {n_runs} runs share one seed, so they differ by their settings and not by chance; run more seeds"


@dataclass(frozen=True, slots=True)
class Draws:
    """The fits of the resamples, one row each, and how many resamples could not be fitted."""

    parameters: dict[str, FloatArray]
    curves: FloatArray
    failed: int


def why_no_interval(runs: Sequence[Run]) -> str | None:
    """The reason why ``runs`` give no interval, or ``None`` where they do."""
    if len(runs) < MIN_RUNS_FOR_INTERVAL:
        return TOO_FEW_RUNS.format(n_runs=len(runs), minimum=MIN_RUNS_FOR_INTERVAL)
    if len({run.record.cell.seed for run in runs}) == 1:
        return ONE_SEED.format(n_runs=len(runs))
    return None


def draw_slopes(
    runs: Sequence[Run], within: tuple[float, float] | None, settings: FitSettings, stream: int
) -> FloatArray:
    """The local slope of each resample, NaN where it has too few different x."""
    slopes = [log_slope(x, y, within) for x, y in _resamples(runs, settings, stream)]
    return np.array([np.nan if slope is None else slope for slope in slopes])


def draw_fits(
    law: Law, runs: Sequence[Run], values: dict[str, float], grid: FloatArray, settings: FitSettings, stream: int
) -> Draws:
    """Refit ``law``, whose fit to all ``runs`` is ``values``, to each resample; ``grid`` is where curves are drawn."""
    fits = [
        law.refit(x, y, settings, values).values
        for x, y in _resamples(runs, settings, stream)
        if len(np.unique(x)) >= len(values)
    ]
    return Draws(
        parameters={name: np.array([fit[name] for fit in fits]) for name in values},
        curves=np.array([law.predict(grid, fit) for fit in fits]).reshape(-1, len(grid)),
        failed=settings.resamples - len(fits),
    )


def interval(draws: FloatArray, settings: FitSettings) -> tuple[float, float] | None:
    """The percentile interval of ``draws``, or ``None`` where too few of the resamples gave a number."""
    finite = draws[np.isfinite(draws)]
    if len(finite) < MIN_SHARE_OF_RESAMPLES * settings.resamples:
        return None
    low, high = np.percentile(finite, _tails(settings))
    return float(low), float(high)


def band(draws: Draws, settings: FitSettings) -> tuple[list[float], list[float]]:
    """The pointwise percentile band of the drawn curves; empty where too few resamples could be fitted."""
    if len(draws.curves) < MIN_SHARE_OF_RESAMPLES * settings.resamples:
        return [], []
    low, high = np.percentile(draws.curves, _tails(settings), axis=0)
    return low.tolist(), high.tolist()


def _tails(settings: FitSettings) -> list[float]:
    tail = 50 * (1 - settings.confidence)
    return [tail, 100 - tail]


def _resamples(runs: Sequence[Run], settings: FitSettings, stream: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Points of runs drawn with replacement; ``stream`` gives each group its own random numbers."""
    rng = np.random.default_rng([settings.seed, stream])
    for _ in range(settings.resamples):
        drawn = [runs[i] for i in rng.integers(0, len(runs), len(runs))]
        yield np.concatenate([run.x for run in drawn]), np.concatenate([run.y for run in drawn])
