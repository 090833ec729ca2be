"""Two methods at equal data, at equal compute and at equal time, backbone by backbone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.intervals import MeanInterval, mean, mean_interval
from ladderscope.studies.trained.spent import flops_spent
from ladderscope.studies.trained.timing import quiet_seconds

from .family import FAMILY

AXES = ("data", "compute", "time")
"""What is made equal: tokens, FLOPs, seconds of training."""
Setting = tuple[str, str]
"""Backbone and method."""


def at_equal(records: Sequence[Record], first: str, second: str, axis: str, confidence: float) -> MeanInterval | None:
    """Mean over backbones of :func:`gaps_at_equal`; None where no backbone has both methods over a shared range."""
    gaps = gaps_at_equal(records, first, second, axis)
    return mean_interval(list(gaps.values()), confidence) if gaps else None


def gaps_at_equal(records: Sequence[Record], first: str, second: str, axis: str) -> dict[str, float]:
    """Backbone -> log(loss of the first / of the second), at the most of ``axis`` that both reach on it.

    Runs of one budget are averaged (their logarithms), and between budgets logarithms are interpolated. Backbones that
    lack a method, or a range that both share, are left out.
    """
    gaps = {}
    for model in sorted({record.cell.model for record in records}):
        mine, theirs = (curve(records, model, method, axis) for method in (first, second))
        gap = _gap(mine, theirs)
        if gap is not None:
            gaps[model] = gap
    return gaps


def by_size(gaps: Mapping[str, float]) -> list[float]:
    """Those of :func:`gaps_at_equal`, of the smallest backbone first."""
    return [gaps[one.name] for one in FAMILY if one.name in gaps]


def curve(records: Sequence[Record], model: str, method: str, axis: str) -> list[tuple[float, float]]:
    """(log of what was spent, log of the held-out loss) of each budget, in their order."""
    runs: dict[int, list[Record]] = {}
    for record in records:
        if (record.cell.model, record.cell.method) == (model, method) and record.eval_loss is not None:
            runs.setdefault(record.cell.steps, []).append(record)
    spent = _spent(records, axis)
    return sorted(
        (mean([math.log(spent(one)) for one in some]), mean([math.log(_after(one)) for one in some]))
        for some in runs.values()
    )


def seconds_of_steps(records: Sequence[Record]) -> dict[Setting, float]:
    """Seconds of a step of every backbone and method, both repetitions and all budgets together."""
    groups: dict[Setting, list[Record]] = {}
    for record in records:
        groups.setdefault(_setting(record), []).append(record)
    return {setting: seconds for setting, some in groups.items() if (seconds := quiet_seconds(some))}


def _spent(records: Sequence[Record], axis: str) -> Callable[[Record], float]:
    """How much of an axis a run spent."""
    if axis == "data":
        return lambda record: float(record.cell.steps * (record.tokens_per_step or 0))
    if axis == "compute":
        return flops_spent
    seconds = seconds_of_steps(records)
    return lambda record: record.cell.steps * seconds[_setting(record)]


def _setting(record: Record) -> Setting:
    return record.cell.model, record.cell.method


def _after(record: Record) -> float:
    assert record.eval_loss is not None
    return record.eval_loss.after


def _gap(mine: Sequence[tuple[float, float]], theirs: Sequence[tuple[float, float]]) -> float | None:
    if not mine or not theirs:
        return None
    place = min(mine[-1][0], theirs[-1][0])
    if place < max(mine[0][0], theirs[0][0]):
        return None
    return _at(mine, place) - _at(theirs, place)


def _at(points: Sequence[tuple[float, float]], place: float) -> float:
    import numpy as np

    return float(np.interp(place, [x for x, _ in points], [y for _, y in points]))
