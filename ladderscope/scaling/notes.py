"""What a reader must know before quoting a fit, written from the numbers of that fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladderscope.scaling.axes import XAxis, YAxis
from ladderscope.scaling.points import Group, PointTable
from ladderscope.scaling.result import GroupFit

NO_EQUIVALENCE_TEST = (
    "This is no equivalence test: an interval of a slope difference that holds 0 does not show that two slopes match."
)
RANDOM_WEIGHTS = "Random weights: the loss says nothing about a method."
FEW_STEPS = 100


def notes_on(fits: Sequence[GroupFit], table: PointTable, x: XAxis, y: YAxis) -> list[str]:
    """The notes for a fit of ``y`` against ``x``, the most important first."""
    notes = [NO_EQUIVALENCE_TEST]
    if y.name == "loss" and any(_has_random_weights(group) for group in table.groups):
        notes.insert(0, RANDOM_WEIGHTS)
    if x.accumulates and y.per_step:
        notes += _curve_notes(table, x, y)
    if pooled := _pooled(fits):
        notes.append(f"Runs that differ in {pooled} are pooled into one curve.")
    if table.left_out:
        notes.append(_left_out(table))
    return notes


def _has_random_weights(group: Group) -> bool:
    return any(run.record.weights == "random" for run in group.runs)


def _curve_notes(table: PointTable, x: XAxis, y: YAxis) -> list[str]:
    notes = [f"Each point is the {y.label} of one training batch at the {x.label} so far, so it is noisy."]
    lengths = [len(run.x) for group in table.groups for run in group.runs]
    if lengths and max(lengths) < FEW_STEPS:
        spans = [float(np.log10(group.x.max() / group.x.min())) for group in table.groups]
        notes.append(
            f"{max(lengths)} steps are far too few for a scaling law: x spans at most {max(spans):.1f} decades "
            "and every run is in its first descent."
        )
    return notes


def _pooled(fits: Sequence[GroupFit]) -> str:
    values: dict[str, dict[str, None]] = {}
    for fit in fits:
        for name, pooled in fit.pooled.items():
            values.setdefault(name, {}).update(dict.fromkeys(pooled))
    return ", ".join(f"{name} ({', '.join(found)})" for name, found in values.items())


def _left_out(table: PointTable) -> str:
    counts: dict[str, int] = {}
    for item in table.left_out:
        counts[item.reason] = counts.get(item.reason, 0) + 1
    reasons = "; ".join(f"{count} because {reason}" for reason, count in counts.items())
    return f"Left out: {reasons}."
