"""How often the comparison of slopes is wrong, on simulated runs of two methods.

    python -m studies.scaling_calibration.slopes [--draws 1500] [--whole 200]

The truth is log y = -slope log x with a slope of 0.05. Each run deviates in level and in slope (standard deviation
0.005 each), its checkpoints by 0.002. Deviations of a pair of runs are independent or 90% shared. A margin of 10% is
0.005; false equivalence is measured where the first slope is off by exactly that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ladderscope.scaling.comparison.compare import compare_groups
from ladderscope.scaling.comparison.equivalence import TwoSlopes
from ladderscope.scaling.comparison.law_comparison import EXPONENTS
from ladderscope.scaling.comparison.linear import jackknife_lines
from ladderscope.scaling.laws.power import Power
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.results.comparison import SlopeComparison
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group

SLOPE, MARGIN, LEVEL = 0.05, 0.1, 0.05
RUN_DEVIATION, NOISE = 0.005, 0.002
CENTRE = np.log(1e18)


@dataclass(frozen=True)
class Design:
    """Runs of each method, and where their checkpoints are.

    ``same`` range: every run over three decades of x. ``own`` range: budgets over two decades, and each run from a
    tenth of its own. With one point per run, its end: budgets over three decades.
    """

    runs: int
    checkpoints: int
    ranges: str

    def log_x(self) -> FloatArray:
        """log x about its middle, runs in a row, shape (runs * checkpoints,)."""
        if self.checkpoints == 1:
            z = np.linspace(0, np.log(1e3), self.runs)
        elif self.ranges == "same":
            z = np.tile(np.linspace(0, np.log(1e3), self.checkpoints), self.runs)
        else:
            ends = np.linspace(0, np.log(1e2), self.runs)
            z = (ends[:, None] + np.linspace(-np.log(10), 0, self.checkpoints)).ravel()
        return np.asarray(z - z.mean())

    def run(self) -> NDArray[np.int64]:
        """The run of each point."""
        return np.repeat(np.arange(self.runs), self.checkpoints)


DESIGNS = [Design(6, 10, "same"), Design(6, 10, "own"), Design(8, 1, "own"), Design(12, 10, "same")]
DESIGNS.append(Design(12, 10, "own"))


def draw(design: Design, shared: float, gap: float, draws: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """log y of both methods, shape (points, draws) each; the first's slope is ``gap`` steeper."""
    rng = np.random.default_rng(seed)
    z, run = design.log_x()[:, None], design.run()
    common = rng.normal(size=(2, design.runs, draws))
    found = []
    for slope in (SLOPE + gap, SLOPE):
        own = rng.normal(size=(2, design.runs, draws))
        level, tilt = RUN_DEVIATION * (np.sqrt(shared) * common + np.sqrt(1 - shared) * own)[:, run]
        found.append(-slope * z + level + tilt * z + NOISE * rng.normal(size=(len(z), draws)))
    return found[0], found[1]


def slopes(design: Design, first: FloatArray, second: FloatArray, *, paired: bool) -> TwoSlopes:
    """The slopes of all draws at once, by the code that ``compare_groups`` uses for one."""
    z, run, n = design.log_x(), design.run(), design.runs
    zero, one = np.zeros_like(z), np.ones_like(z)
    half = np.column_stack([one, z])
    matrix = np.block([[half, np.column_stack([zero, zero])], [np.column_stack([zero, zero]), half]])
    cluster = np.concatenate([run, run if paired else run + n])
    stratum = np.zeros(n, dtype=np.int64) if paired else np.repeat([0, 1], n)
    found = jackknife_lines(matrix, np.concatenate([first, second]), np.ones(2 * len(z)), cluster, stratum, lost=2)
    assert found is not None
    return TwoSlopes.of(found, 1, 3)


def rates(design: Design, shared: float, draws: int, *, paired: bool) -> dict[str, float]:
    """Shares of draws: true nulls rejected, equivalence declared at the margin, and where slopes are the same."""
    null = slopes(design, *draw(design, shared, 0.0, draws, 1), paired=paired)
    steeper = slopes(design, *draw(design, shared, MARGIN * SLOPE, draws, 2), paired=paired)
    flatter = slopes(design, *draw(design, shared, -MARGIN * SLOPE, draws, 3), paired=paired)
    return {
        "rejected": float(np.mean(null.p_difference() <= LEVEL)),
        "false equivalent": max(float(np.mean(s.p_equivalence(MARGIN) <= LEVEL)) for s in (steeper, flatter)),
        "power": float(np.mean(null.p_equivalence(MARGIN) <= LEVEL)),
        "freedom": float(np.mean(null.freedom)),
    }


def ancova(design: Design, first: FloatArray, second: FloatArray) -> FloatArray:
    """p of least squares on all points, as if they were independent: what not to do."""
    z, n = design.log_x(), len(design.log_x())
    basis = np.column_stack([np.ones(n), z])
    fits = [np.linalg.lstsq(basis, y, rcond=None) for y in (first, second)]
    variance = (fits[0][1] + fits[1][1]) / (2 * n - 4) * 2 / (z @ z)
    gap = fits[0][0][1] - fits[1][0][1]
    return np.asarray(2 * stats.t.sf(np.abs(gap) / np.sqrt(variance), 2 * n - 4))


def groups(design: Design, first: FloatArray, second: FloatArray, offset: float = 0.0) -> tuple[Group, Group]:
    """One draw as two groups of runs."""
    x = np.exp(CENTRE + design.log_x())
    names = [str(run) for run in range(design.runs)]
    found = [
        Group(name, Points.of(x, offset + np.exp(y), run=design.run()), names, [{"model": n} for n in names])
        for name, y in (("first", first), ("second", second))
    ]
    return found[0], found[1]


def whole(design: Design, shared: float, draws: int) -> dict[str, dict[str, float]]:
    """Verdicts of the whole ``compare_groups`` by estimand: shares of ``different`` and false ``equivalent``."""
    settings = FitSettings(margin=MARGIN, starts=3)
    verdicts: dict[str, list[tuple[str, bool]]] = {}
    for gap in (0.0, MARGIN * SLOPE):
        first, second = draw(design, shared, gap, draws, 4)
        for d in range(draws):
            found = compare_groups(Power(), *groups(design, first[:, d], second[:, d]), settings)
            for slope in found.slopes:
                verdicts.setdefault(slope.estimand, []).append((slope.verdict, gap > 0))
    return {
        estimand: {
            "false different": _share(pairs, "different", at_margin=False),
            "false equivalent": _share(pairs, "equivalent", at_margin=True),
        }
        for estimand, pairs in verdicts.items()
    }


def exponents(design: Design, shared: float, draws: int) -> dict[str, dict[str, float]]:
    """The same for the exponent of y = E + B x^-0.3 with E = 1.5 and B x^-0.3 = 1 in the middle.

    The first method needs 1.3 times the predictor, so that its curve is shifted. Of the two exponents p is counted; of
    the verdict, which is on one of them, the verdict.
    """
    settings = FitSettings(margin=MARGIN, starts=3)
    found: dict[str, list[tuple[str, bool]]] = {}
    for ratio in (1.0, 1 + MARGIN):
        deviations = draw(design, shared, 0.0, draws, 6)
        for d in range(draws):
            z = design.log_x()
            curves = [np.log(1.5 + np.exp(-0.3 * r * (z - s))) for r, s in ((ratio, np.log(1.3)), (1.0, 0.0))]
            noisy = [curve + deviations[m][:, d] + SLOPE * z for m, curve in enumerate(curves)]
            compared = compare_groups(PowerOffset(), *groups(design, noisy[0], noisy[1]), settings)
            found.setdefault("the verdict", []).append((compared.verdict, ratio > 1))
            for slope in compared.slopes:
                if slope.estimand in EXPONENTS.values() and slope.p_difference is not None:
                    found.setdefault(slope.estimand, []).append((_by_p(slope, at_margin=ratio > 1), ratio > 1))
    return {
        estimand: {
            "false different": _share(rows, "different", at_margin=False),
            "false equivalent": _share(rows, "equivalent", at_margin=True),
        }
        for estimand, rows in found.items()
    }


def _by_p(slope: SlopeComparison, *, at_margin: bool) -> str:
    p, name = (slope.p_equivalence, "equivalent") if at_margin else (slope.p_difference, "different")
    return name if p is not None and p <= LEVEL else "inconclusive"


def _share(pairs: list[tuple[str, bool]], verdict: str, *, at_margin: bool) -> float:
    return float(np.mean([found == verdict for found, off in pairs if off == at_margin]))


def table(draws: int) -> Iterator[str]:
    """The rows of the table, as Markdown."""
    yield "| design | shared | data | rejected | false equivalent | power | t's freedom | ANCOVA rejects |"
    yield "|---|---|---|---|---|---|---|---|"
    for design in DESIGNS:
        for shared in (0.0, 0.9):
            naive = float(np.mean(ancova(design, *draw(design, shared, 0.0, draws, 1)) <= LEVEL))
            for paired in (True, False):
                r = rates(design, shared, draws, paired=paired)
                name = f"{design.runs} x {design.checkpoints}, {design.ranges} range"
                yield (
                    f"| {name} | {shared:.0%} | {'paired' if paired else 'unpaired'} | {r['rejected']:.1%} | "
                    f"{r['false equivalent']:.1%} | {r['power']:.1%} | {r['freedom']:.1f} | {naive:.1%} |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1500)
    parser.add_argument("--whole", type=int, default=200, help="draws of the whole comparison, which fits laws")
    options = parser.parse_args()
    for line in table(options.draws) if options.draws else ():
        print(line, flush=True)
    design = Design(6, 10, "own")
    for title, of in (("straight lines, law `power`", whole), ("curves, law `power-offset`", exponents)):
        print(f"\nThe whole comparison, {options.whole} draws, 6 x 10, own range, {title}\n")
        print("| shared | estimand | false different | false equivalent |\n|---|---|---|---|")
        for shared in (0.0, 0.9):
            for estimand, r in of(design, shared, options.whole).items():
                row = f"| {shared:.0%} | {estimand} | {r['false different']:.1%} | {r['false equivalent']:.1%} |"
                print(row, flush=True)


if __name__ == "__main__":
    main()
