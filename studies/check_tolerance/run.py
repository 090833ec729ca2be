"""How often noise alone exceeds the tolerance that repeats teach, and how large a regression is found.

Prints a table in Markdown; half a minute on a core. From the repository root:

    python -m studies.check_tolerance.run
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ladderscope.regression.tolerance import learned_tolerance
from ladderscope.units import MIB

Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]
BASE = 8 << 30
"""Bytes: a peak of 8 GiB."""
DEVIATION = 3 * MIB
RUNS = [(3, 3), (5, 5), (9, 9), (4, 4), (3, 1), (5, 1), (9, 1), (9, 3)]


def normal(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return rng.normal(0, DEVIATION, n)


def steps(size: int, share: float) -> Noise:
    def draw(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        return np.where(rng.random(n) < share, float(size), 0.0)

    return draw


NOISES: dict[str, tuple[Noise, int]] = {
    "normal": (normal, DEVIATION),
    "2 MiB, in 20% of runs": (steps(2 * MIB, 0.2), 2 * MIB),
    "20 MiB, in 20% of runs": (steps(20 * MIB, 0.2), 20 * MIB),
    "20 MiB, in 50% of runs": (steps(20 * MIB, 0.5), 20 * MIB),
}
"""What noise is like, and the unit in which the table gives sizes: its standard deviation, or its step."""


def compared(noise: Noise, n: int, m: int, draws: int, *, medians: bool, seed: int = 0) -> tuple[float, float]:
    """The share of false alarms, and the regression in bytes that is found in 9 of 10 comparisons.

    Args:
        noise: of a single measurement.
        n: measurements of the baseline.
        m: measurements now.
        draws: comparisons to simulate.
        medians: whether medians are compared, or one measurement of each.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    needed = []
    for _ in range(draws):
        before, after = ([BASE + round(x) for x in noise(rng, count)] for count in (n, m))
        # An entry of one measurement keeps no repeats.
        tolerance = learned_tolerance(before, after if m > 1 else (), of_medians=medians)
        needed.append(tolerance - (_value(after, medians) - _value(before, medians)))
    # A regression shifts all later values alike, and with them neither spread nor tolerance.
    return sum(size < 0 for size in needed) / draws, float(np.quantile(needed, 0.9))


def _value(values: Sequence[int], medians: bool) -> int:
    return statistics.median_low(values) if medians else values[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=20_000, help="comparisons to simulate for each number")
    draws = parser.parse_args().draws
    print("| noise of one run | runs before, now | false alarms | found in 90% | false alarms, categories |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, (noise, unit) in NOISES.items():
        for n, m in RUNS:
            alarms, found = compared(noise, n, m, draws, medians=True)
            single, _ = compared(noise, n, m, draws, medians=False)
            print(f"| {name} | {n}, {m} | {alarms:.2%} | {found / unit:.1f} | {single:.2%} |", flush=True)


if __name__ == "__main__":
    main()
