"""What a reader must know before quoting a fit, written from the fit itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.table import ScalingTable
from ladderscope.scaling.text import shortened

NO_EQUIVALENCE_TEST = (
    "This is no equivalence test: intervals that overlap, or a difference whose interval holds 0, do not show that "
    "two slopes match. --compare FIRST:SECOND with a --margin tests it."
)
FEW_RUNS = 4
FEW_DECADES = 1.0
SEED = "seed"


def notes_on(fit: ScalingFit, table: ScalingTable) -> list[str]:
    """The notes for ``fit``, the most important first; those of ``table`` are about its rows."""
    found = list(table.notes)
    if len(fit.groups) > 1 and fit.slope and not fit.comparisons:
        found.append(NO_EQUIVALENCE_TEST)
    found += [*_few_runs(fit), *_one_seed(fit, table), *_short_ranges(fit)]
    if pooled := _pooled(fit.groups):
        found.append(f"Runs that differ in {pooled} are pooled into one curve.")
    return list(dict.fromkeys(found))


def _few_runs(fit: ScalingFit) -> Iterator[str]:
    few = [f"{group.name} ({group.fit.n_runs})" for group in fit.groups if group.fit.n_runs < FEW_RUNS]
    repeated = any(group.fit.n_points > group.fit.n_runs for group in fit.groups)
    if few:
        points = " Points of one run are not independent, so more of them do not help." if repeated else ""
        yield f"Few training runs: {', '.join(few)}. The run is what varies at random.{points}"


def _one_seed(fit: ScalingFit, table: ScalingTable) -> Iterator[str]:
    """Runs of one seed differ by their settings: they scatter around a law, but not as other seeds would."""
    seeds = set(table.frame[SEED]) if SEED in table.frame else set()
    if len(seeds) == 1 and fit.y.unit != "bytes" and any(group.fit.n_runs > 1 for group in fit.groups):
        yield (
            f"All runs have the seed {seeds.pop()}: intervals say how runs scatter around the law, not how they would "
            "from seed to seed."
        )


def _short_ranges(fit: ScalingFit) -> Iterator[str]:
    if fit.y.unit == "bytes":
        return  # memory grows in lines, for which a short range is no obstacle
    for axis in fit.x:
        spans = [_decades(*group.fit.x_ranges[axis.name]) for group in fit.groups if axis.name in group.fit.x_ranges]
        if spans and max(spans) < FEW_DECADES:
            yield f"{axis.label} spans at most {max(spans):.1f} decades: few to tell a power law from other curves."


def _pooled(groups: list[GroupFit]) -> str:
    values: dict[str, dict[str, None]] = {}
    for group in groups:
        for name, pooled in group.pooled.items():
            values.setdefault(name, {}).update(dict.fromkeys(pooled))
    return ", ".join(f"{name} ({shortened(list(found))})" for name, found in values.items())


def _decades(low: float, high: float) -> float:
    return math.log10(high / low) if 0 < low < high else 0.0
