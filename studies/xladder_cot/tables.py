"""The tables of the README."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, common_basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import accuracy_interval

from .outcome import SPENT, accuracy, difference, gap_at_equal, pooled, runs_of, tokens
from .plan import ARMS, BACKBONE_ALONE, BUDGETS, GRANULARITIES, LONG, REFERENCE, SHORT

CHAINS: Mapping[str, Sequence[int]] = {"long": (LONG,), "every 2nd": (2,), "all short": SHORT}
"""Groups of granularities, of which means are shown."""


def points(share: float, *, signed: bool = False) -> str:
    """A share, or a difference of two, in percent."""
    return f"{100 * share:+.1f}%" if signed else f"{100 * share:.1f}%"


def every(granularity: int) -> str:
    """How often a value is written."""
    return "every value" if granularity == LONG else f"every {granularity}th" if granularity > 2 else "every 2nd"


def accuracy_table(records: Sequence[Record], bounds: Mapping[str, float]) -> Table:
    """Right answers at equal data, with the tokens that were written for them."""
    rows = []
    for arm in (*ARMS, BACKBONE_ALONE):
        cells = [_accuracy(runs_of(records, arm, g), bounds["confidence"]) for g in GRANULARITIES]
        if any(cell != NOTHING for cell in cells):
            rows.append([arm, *cells])
    note = (
        f"All seeds together, with Wilson's {bounds['confidence']:.0%} intervals, which know of items alone; "
        f"in square brackets the mean number of tokens written. Chance is {points(bounds['chance'])}."
    )
    return Table("Right answers at equal data", ["written", *map(every, GRANULARITIES)], rows, note)


def equal_table(records: Sequence[Record], bounds: Mapping[str, float]) -> Table:
    """Every arm against Ladder, at equal data, at equal compute and at equal time."""
    basis, confidence = common_basis(records), bounds["confidence"]
    rows: list[list[str | Value]] = []
    for arm in ARMS:
        for name, granularities in CHAINS.items():
            if arm == REFERENCE:
                continue
            found = difference(records, arm, REFERENCE, granularities, confidence)
            assert found.low is not None
            assert found.high is not None
            ends = f"({points(found.low, signed=True)} to {points(found.high, signed=True)})"
            others = [gap_at_equal(records, arm, REFERENCE, granularities, axis) for axis in ("compute", "time")]
            shown = [f"{points(found.mean, signed=True)} {ends}", *map(_gap, others)]
            rows.append([arm, name, *(Value(text, basis) for text in shown)])
    note = (
        "Differences in accuracy, means over granularities; at equal data with a paired bootstrap interval "
        f"({confidence:.0%}). At equal compute and time: at the most that both methods spend, interpolated between "
        "their budgets."
    )
    columns = ["against Ladder", "chains", *(f"equal {axis}" for axis in SPENT)]
    return Table("Against Ladder at equal data, compute and time", columns, rows, note)


def compute_table(records: Sequence[Record]) -> Table:
    """What every budget costs, and how far it leads."""
    rows = []
    for arm in ARMS:
        for steps in BUDGETS:
            runs = [runs_of(records, arm, granularity, steps) for granularity in GRANULARITIES]
            cells = [_spent_and_reached(some) for some in runs]
            if any(cell != NOTHING for cell in cells):
                rows.append([arm, str(steps), *cells])
    note = "TFLOPs of the training steps, their seconds, and right answers, means over seeds."
    return Table("Accuracy against compute", ["method", "steps", *map(every, GRANULARITIES)], rows, note)


def cost_table(records: Sequence[Record]) -> Table:
    """Equal parameters are not equal compute: what a step costs."""
    rows: list[list[str | Value]] = []
    for arm in ARMS:
        runs = runs_of(records, arm, LONG)
        params = next((one.params.trainable for one in runs if one.params), None)
        flops = [one.flops.per_step / 1e9 for one in runs if one.flops]
        seconds = [one.seconds_per_step for one in runs if one.seconds_per_step]
        if params is not None and flops and seconds:
            numbers = [f"{params:,}", f"{_mean(flops):.2f}", f"{_mean(seconds):.3f}"]
            rows.append([arm, *(Value(text, common_basis(runs)) for text in numbers)])
    note = "Of a step of 24 long chains; seconds are those of one thread."
    columns = ["method", "trained parameters", "GFLOPs per step", "seconds per step"]
    return Table("What a step costs", columns, rows, note)


def _accuracy(runs: Sequence[Record], confidence: float) -> str | Value:
    if not runs:
        return NOTHING
    low, high = accuracy_interval(pooled(runs), confidence)
    text = f"{points(accuracy(runs))} ({100 * low:.1f} to {points(high)}) [{tokens(runs):.1f}]"
    return Value(text, common_basis(runs))


def _spent_and_reached(runs: Sequence[Record]) -> str | Value:
    if not runs:
        return NOTHING
    compute, time = (_mean([SPENT[axis](one) for one in runs]) for axis in ("compute", "time"))
    basis: Basis = common_basis(runs)
    return Value(f"{compute / 1e12:.2f} TFLOPs, {time:.0f} s: {points(accuracy(runs))}", basis)


def _gap(found: float | None) -> str:
    return NOTHING if found is None else points(found, signed=True)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
