"""How often 95% intervals of an exponent hold the truth, by method, in simulated tables of runs.

    python -m studies.scaling_calibration.coverage                      # covariance
    python -m studies.scaling_calibration.coverage --all-methods         # all methods, fewer draws

Prints one line for each design, objective and exponent as it goes. Takes some minutes; see README.md for the results.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.uncertainty.evidence import Evidence
from studies.scaling_calibration.designs import Design, designs

EXPONENTS = ("lambda", "alpha", "beta")
NOMINAL = 0.95


def coverage(design: Design, objective: Objective, draws: int, settings: FitSettings) -> dict[str, dict[str, float]]:
    """The share of intervals that hold the truth, by exponent and method; draws without interval do not hold it."""
    rng = np.random.default_rng([7, len(design.x)])
    held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for _ in range(draws):
        fitted = fit_law(design.law, design.draw(rng), objective, starts=3)
        evidence = Evidence.of(fitted, settings)
        for index, name in enumerate(design.law.names):
            if name in EXPONENTS:
                truth = design.theta[index]
                for method, (low, high) in evidence.intervals(index).items():
                    held[name][method] += int(low <= truth <= high)
    return {name: {method: count / draws for method, count in found.items()} for name, found in held.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all-methods", action="store_true", help="profiles and both bootstraps (200 resamples) too")
    parser.add_argument("--draws", type=int, default=None, help="simulated tables per design (1000; 200)")
    parser.add_argument("--objectives", default="huber,ols")
    parser.add_argument("--only", default="", help="designs whose name holds this text")
    options = parser.parse_args()
    draws = options.draws or (200 if options.all_methods else 1000)
    settings = FitSettings(
        resamples=200 if options.all_methods else 0, confidence=NOMINAL, profiles=options.all_methods
    )
    print(f"{draws} draws; the standard error of a coverage of 95% is {np.sqrt(0.95 * 0.05 / draws):.1%}")
    for design in designs():
        if options.only in design.name:
            for kind in options.objectives.split(","):
                for name, found in coverage(design, Objective(kind=kind), draws, settings).items():
                    values = "  ".join(f"{method} {share:.1%}" for method, share in found.items())
                    print(f"{design.name:44s} {kind:6s}{name:7s} {values}", flush=True)


if __name__ == "__main__":
    main()
