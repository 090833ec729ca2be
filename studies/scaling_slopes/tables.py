"""The tables of the README."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, common_basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import MeanInterval, mean
from ladderscope.studies.pretrained.kjv import VOCABULARY
from ladderscope.studies.texts import interval_text, percent

from .equal import AXES, at_equal, gaps_at_equal, seconds_of_steps
from .family import FAMILY, METHODS, REFERENCE, WHOLE, size_text
from .fitting import comparison_of

if TYPE_CHECKING:
    from ladderscope.scaling import ScalingFit
    from ladderscope.scaling.results.estimates import Estimate

OTHERS = [method for method in METHODS if method != REFERENCE]


def multiplier_table(fit: ScalingFit, basis: Basis) -> Table:
    """How many times QLoRA's compute a method needs for the same loss, and where they cross."""
    rows: list[list[str | Value]] = []
    for method in OTHERS:
        found = comparison_of(fit, method)
        ends = [one for one in found.multipliers if one.by == "straight lines"]
        cells = [found.multiplier, *(one.multiplier for one in ends[:2]), found.crossing, found.crossing_by_law]
        numbers: list[str | Value] = [Value(_interval(cell), basis) for cell in cells]
        numbers[3:3] = [Value(NOTHING, basis)] * (5 - len(numbers))
        rows.append([method, *numbers])
    columns = ["method", "parallel curves", "at the least compute", "at the most", "lines cross at", "curves cross at"]
    note = "Multiples of QLoRA's FLOPs for the same loss, and FLOPs at a crossing, with 95% intervals."
    return Table("Compute multipliers and crossings", columns, rows, note)


def equal_table(records: Sequence[Record], confidence: float) -> Table:
    """Losses against QLoRA's at equal data, equal compute and equal time."""
    basis = common_basis(records)
    rows: list[list[str | Value]] = [
        [method, *(Value(_gap(at_equal(records, method, REFERENCE, axis, confidence)), basis) for axis in AXES)]
        for method in OTHERS
    ]
    note = (
        f"Held-out loss against QLoRA's (a ratio minus one, mean of logarithms over backbones with a {confidence:.0%} "
        "t interval), at the most that both methods spend on each backbone."
    )
    return Table("At equal data, compute and time", ["method", *(f"equal {axis}" for axis in AXES)], rows, note)


def equal_compute_table(records: Sequence[Record]) -> Table:
    """Losses against QLoRA's at equal compute, backbone by backbone."""
    basis = common_basis(records)
    rows: list[list[str | Value]] = []
    for method in OTHERS:
        gaps = gaps_at_equal(records, method, REFERENCE, "compute")
        cells = [percent(gaps[one.name]) if one.name in gaps else NOTHING for one in FAMILY]
        rows.append([method, *(Value(cell, basis) for cell in cells)])
    note = (
        "Held-out loss against QLoRA's, at the most compute that both spend on that backbone. Where it goes one way "
        "with size, the t intervals above take a trend for scatter: their mean is that of these six sizes, and not "
        "what to expect of another."
    )
    return Table("At equal compute, backbone by backbone", ["method", *map(size_text, FAMILY)], rows, note)


def data_table(records: Sequence[Record]) -> Table:
    """Held-out losses of the longest runs, and what a step of them costs."""
    basis, seconds = common_basis(records), seconds_of_steps(records)
    rows: list[list[str | Value]] = []
    for backbone in FAMILY:
        of_model = [one for one in records if one.cell.model == backbone.name]
        longest = [one for one in of_model if one.cell.steps == max(WHOLE.budgets)]
        start = next(
            (one.eval_loss.before for one in of_model if one.cell.method == REFERENCE and one.eval_loss), None
        )
        cells = [
            _longest([one for one in longest if one.cell.method == method], seconds.get((backbone.name, method)))
            for method in METHODS
        ]
        before = NOTHING if start is None else f"{start:.3f}"
        rows.append([size_text(backbone), *(Value(cell, basis) for cell in (before, *cells))])
    note = (
        "Mean over repetitions; in brackets GFLOPs of a step and its seconds (lower quartile of all steps). "
        f"To guess among {VOCABULARY:,} tokens has a loss of {math.log(VOCABULARY):.3f}."
    )
    title = f"Held-out loss after {max(WHOLE.budgets)} steps"
    return Table(title, ["backbone", "QLoRA's start", *METHODS], rows, note)


def _longest(runs: Sequence[Record], seconds: float | None) -> str:
    losses = [one.eval_loss.after for one in runs if one.eval_loss]
    flops = [one.flops.per_step for one in runs if one.flops]
    if not (losses and flops and seconds):
        return NOTHING
    work = mean(flops) / 1e9
    return f"{mean(losses):.3f} ({work:.2f}, {seconds:.2f} s)"


def _gap(found: MeanInterval | None) -> str:
    return NOTHING if found is None else interval_text(found)


def _interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return NOTHING
    low, high = ("?" if end is None else f"{end:.3g}" for end in (estimate.low, estimate.high))
    return f"{estimate.value:.3g} ({low} to {high})"
