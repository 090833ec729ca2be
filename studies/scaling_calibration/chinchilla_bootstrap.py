"""The bootstrap of Besiroglu et al. 2024 (arXiv:2404.10102), 4000 draws of the 240 points, beside what they published.

python -m studies.scaling_calibration.chinchilla_bootstrap ../shared/data/scaling/epoch-chinchilla
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import Points
from ladderscope.scaling.uncertainty.bootstrap import pairs_bootstrap

PUBLISHED = {"E": 0.02566, "A": 124.522, "B": 1293.284, "alpha": 0.01540, "beta": 0.02060}
"""Standard deviations of their 4000 refits."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds svg_extracted_data.csv")
    parser.add_argument("--resamples", type=int, default=4000)
    options = parser.parse_args()
    points = _points(options.folder / "svg_extracted_data.csv")
    for objective in (Objective(delta=1e-3), Objective()):
        fitted = fit_law(law_named("chinchilla"), points, objective)
        before = time.process_time()
        draws = pairs_bootstrap(fitted, options.resamples)
        seconds = time.process_time() - before
        found = [fitted.law.values(theta) for theta in draws.theta]
        print(
            f"{fitted.objective.text('log')}: {options.resamples} draws, {draws.failed} failed, {seconds:.1f} s of CPU"
        )
        for name, published in PUBLISHED.items():
            values = np.array([value[name] for value in found])
            low, high = np.quantile(values, [0.025, 0.975])
            deviation = values.std(ddof=1)
            print(
                f"  {name:6s} deviation {deviation:10.5g}  published {published:10.5g}  "
                f"ratio {deviation / published:.3f}  95% {low:.5g} to {high:.5g}"
            )


def _points(path: Path) -> Points:
    table = pd.read_csv(path)
    table = table[table["loss"] < table["loss"].nlargest(5).min()]
    size, compute = table["Model Size"].to_numpy(), table["Training FLOP"].to_numpy()
    return Points.of(np.stack([size, compute / (6 * size)], axis=1), table["loss"].to_numpy())


if __name__ == "__main__":
    main()
