"""Tables of runs and items, both drawn from more: how uncertain their means are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class VariancePart:
    """A part of a mean's variance, and the degrees of freedom that it is known with."""

    variance: float
    freedom: int

    def half_width(self, confidence: float) -> float:
        """Of the t interval, if this were all that is uncertain."""
        from scipy import stats

        if not self.variance:
            return 0.0
        return float(stats.t.isf((1 - confidence) / 2, self.freedom)) * math.sqrt(self.variance)


def mean_half_width(tables: Sequence[np.ndarray], groups: Sequence[Sequence[int]], confidence: float) -> float:
    """Half of the interval of the mean over tables of their means.

    Runs and items are crossed random effects. What runs leave uncertain is told from as many values as there are
    runs, each the mean of a run over all tables, with its own t; what items leave, from those of each table, less
    their interaction with runs, which the former has already. The squares of the half-widths are added (the method of
    variance estimates recovery), since degrees of freedom pooled by Satterthwaite's rule cover too little with two or
    three runs. Of a single run, only items are known.

    Args:
        tables: (runs, items) each, as many runs in all of them; the same row of each is the same run.
        groups: of each table, a number for each item, where items of one number are drawn together; or nothing.
        confidence: of the interval, with two sides.
    """
    units = [_units(table, group) for table, group in zip(tables, groups, strict=True)]
    parts = [_of_items(unit, len(units)) for unit in units]
    if len(tables[0]) > 1:
        parts.append(_of_runs([table.mean(axis=1) for table in tables]))
    return math.hypot(*(part.half_width(confidence) for part in parts))


def _of_runs(means: Sequence[np.ndarray]) -> VariancePart:
    """Of the mean over runs, each of which has one value: its mean over all tables."""
    import numpy as np

    by_run = np.mean(means, axis=0)
    return VariancePart(float(by_run.var(ddof=1)) / len(by_run), len(by_run) - 1)


def _of_items(units: np.ndarray, num_tables: int) -> VariancePart:
    """Of the mean over units (runs, units), without their interaction with runs."""
    runs, count = units.shape
    if count < 2:
        return VariancePart(0.0, 1)
    variance = float(units.mean(axis=0).var(ddof=1)) / count
    if runs > 1:
        off = units - units.mean(axis=0) - units.mean(axis=1, keepdims=True) + units.mean()
        variance -= float((off**2).sum()) / ((runs - 1) * (count - 1)) / (runs * count)
    return VariancePart(max(0.0, variance) / num_tables**2, count - 1)


def _units(table: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    """(runs, units), deviations from the table's mean; a group is one unit, with the weight of its items."""
    sums, sizes = _by_group(table - table.mean(), groups)
    found: np.ndarray = sums * len(sizes) / sizes.sum()
    return found


def independent_items(items: np.ndarray, groups: Sequence[int]) -> float:
    """As many independent items would leave the mean of these as uncertain; at most as many as there are."""
    if not groups:
        return float(len(items))
    off = items - items.mean()
    sums, sizes = _by_group(off[None], groups)
    count, variance = len(sizes), float((off**2).sum()) / (len(items) - 1)
    if not variance or count < 2:
        return float(count)
    of_mean = float((sums**2).sum()) * count / (count - 1) / len(items) ** 2
    return min(float(len(items)), variance / of_mean) if of_mean else float(len(items))


def _by_group(table: np.ndarray, groups: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Sums (runs, groups) of a table (runs, items), and the groups' sizes; without groups, every item is one."""
    import numpy as np

    if not groups:
        return table, np.ones(table.shape[1])
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    member = np.eye(place.max() + 1)[place]  # (items, groups)
    return table @ member, member.sum(axis=0)
