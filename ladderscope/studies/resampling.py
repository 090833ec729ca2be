"""Tables of runs and items, of which some belong together: what they leave uncertain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 4000
_SEED = 0
_UNITS, _RUNS = 0, 1


def drawn_means(table: np.ndarray, groups: Sequence[int], stream: int) -> np.ndarray:
    """(RESAMPLES,), the mean of the table (runs, items) with units of items and runs drawn with replacement.

    The draws depend on ``stream`` and on how many there are to draw from, and on nothing else.
    """
    runs = len(table)
    if runs > 1:
        mean = table.mean(axis=0)
        table = mean + (table - mean) * math.sqrt(runs / (runs - 1))
    sums, sizes = _by_group(table, groups)
    units = _times_drawn(len(sizes), stream, _UNITS)
    of_runs = _times_drawn(runs, stream, _RUNS) / runs
    means: np.ndarray = ((of_runs @ sums) * units).sum(axis=1) / (units @ sizes)
    return means


@lru_cache(maxsize=32)
def _times_drawn(number: int, stream: int, what: int) -> np.ndarray:
    """(RESAMPLES, number), how often each of ``number`` things comes when as many are drawn with replacement."""
    import numpy as np

    drawn = np.random.default_rng([_SEED, stream, what]).integers(number, size=(RESAMPLES, number))
    places = drawn + number * np.arange(RESAMPLES)[:, None]
    return np.bincount(places.ravel(), minlength=RESAMPLES * number).reshape(RESAMPLES, number).astype(np.float32)


def _by_group(table: np.ndarray, groups: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Sums (runs, groups) of a table (runs, items), and the groups' sizes; without groups, every item is one."""
    import numpy as np

    if not groups:
        return table, np.ones(table.shape[1])
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    member = np.eye(place.max() + 1)[place]  # (items, groups)
    return table @ member, member.sum(axis=0)


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
