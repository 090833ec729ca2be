"""How long a fit, a refit and a bootstrap take, beside what the field does. Run from the repository root:

python -m studies.scaling_speed.run
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.optimize import least_squares, minimize
from scipy.special import logsumexp

from ladderscope.scaling.fitting.fit import fit_law, refit
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import FloatArray, Points

LAW = law_named("chinchilla")
DELTA = 1e-3
HUBER = Objective(delta=DELTA)
FIELD_START = np.array([5.0, 5.0, 0.5, 0.5, 0.5])
"""(a, b, e, alpha, beta): a cell of the grid of 4500 starts of Hoffmann et al. 2022 and of Epoch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    shared = Path(os.environ.get("LADDERSCOPE_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument(
        "--data", type=Path, default=shared / "scaling" / "epoch-chinchilla" / "svg_extracted_data.csv"
    )
    parser.add_argument("--resamples", type=int, default=4000)
    options = parser.parse_args()
    points = _points(options.data)
    fitted = fit_law(LAW, points, HUBER)

    best, best_cpu = _timed(lambda: fit_law(LAW, points, HUBER), 15)
    single, _ = _timed(lambda: fit_law(LAW, points, HUBER, starts=1), 15)
    theirs, _ = _timed(lambda: _quasi_newton(points), 5)
    scipys, _ = _timed(lambda: _scipys(points), 5)
    field = _quasi_newton(points)
    print(f"{len(points)} points, {LAW.formula}, {HUBER.text('log')}; medians, wall clock and processor time")
    print(f"one call of fit_law, 6 starts:   {best * 1e3:8.1f} ms ({best_cpu * 1e3:.1f} ms)")
    print(f"    objective {fitted.value:.13f}")
    print(f"    share of the target of 50 ms:  {best / 0.05:.2f} (processor time {best_cpu / 0.05:.2f})")
    print(f"fit_law with 1 start:            {single * 1e3:8.1f} ms")
    print(f"SciPy's least_squares, 1 start:  {scipys * 1e3:8.1f} ms, objective {_scipys(points):.13f}")
    print(f"    {scipys / single:.1f} times as long as fit_law from one start")
    print(f"L-BFGS-B, differences, 1 start:  {theirs * 1e3:8.1f} ms, objective {field:.13f}")
    print(f"    {theirs / single:.1f} times as long as fit_law from one start, {theirs / best:.1f} times as with 6")
    print(f"    4500 of those starts would take {4500 * theirs:.0f} s: {4500 * theirs / best:,.0f} times as long")

    rng = np.random.default_rng(42)
    wall, processor = time.perf_counter(), time.process_time()
    drawn = [
        refit(fitted, points.resample(rng.integers(0, len(points), len(points)))).values
        for _ in range(options.resamples)
    ]
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    per_4000 = 4000 / options.resamples
    print(f"{options.resamples} bootstrap refits: {wall:.1f} s ({processor:.1f} s of processor time)")
    print(f"    share of the target of 30 s for 4000: {wall * per_4000 / 30:.2f} ({processor * per_4000 / 30:.2f})")
    deviations = {name: float(np.std([values[name] for values in drawn])) for name in LAW.names}
    print("    standard deviations:", ", ".join(f"{name} {value:.4g}" for name, value in deviations.items()))


def _points(path: Path) -> Points:
    table = pd.read_csv(path)
    table = table[table["loss"] < table["loss"].nlargest(5).min()]
    n, c = table["Model Size"].to_numpy(dtype=float), table["Training FLOP"].to_numpy(dtype=float)
    return Points.of(np.stack([n, c / (6 * n)], axis=1), table["loss"].to_numpy(dtype=float))


def _quasi_newton(points: Points) -> float:
    """One start of the field's procedure: L-BFGS-B on finite differences in uncentred parameters."""
    log_n, log_d, target = *np.log(points.x).T, np.log(points.y)

    def objective(p: FloatArray) -> float:
        terms = np.stack([p[0] - p[3] * log_n, p[1] - p[4] * log_d, np.full(len(target), p[2])])
        return float(HUBER.losses(logsumexp(terms, axis=0) - target).sum())

    return float(minimize(objective, FIELD_START, method="L-BFGS-B").fun)


def _scipys(points: Points) -> float:
    """One start of SciPy's trust region on the same residuals, with the same centring and Jacobian."""
    start = LAW.start(points.x, points.y, np.random.default_rng(0))
    matrix, features, target = LAW.centring(points.x), LAW.features(points.x), np.log(points.y)
    inverse = np.linalg.inv(matrix)

    def residuals(phi: FloatArray) -> FloatArray:
        return LAW.evaluate(inverse @ phi, features) - target

    def jacobian(phi: FloatArray) -> FloatArray:
        return LAW.derivatives(inverse @ phi, features) @ inverse

    found = least_squares(
        residuals,
        matrix @ start,
        jacobian,
        loss="huber",
        f_scale=DELTA,
        x_scale="jac",
        bounds=([0.0, *[-np.inf] * 4], np.inf),
        max_nfev=2000,
        xtol=1e-10,
        ftol=1e-12,
        gtol=1e-12,
    )
    return float(found.cost)


def _timed(call: Callable[[], object], times: int) -> tuple[float, float]:
    """Median seconds of ``times`` calls: wall clock, processor."""
    walls, processors = [], []
    for _ in range(times):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(processors)


if __name__ == "__main__":
    main()
