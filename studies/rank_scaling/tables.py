"""The tables of the README."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, basis_of
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import mean
from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.trained.spent import AXES
from ladderscope.studies.trained.timing import quiet_seconds

from .equal import Best, best_within, gap_at_equal_parameters, log_loss, of_runs, parameters
from .plan import BACKBONES, METHODS, REFERENCE, SCALED, SIZES, STEPS, USUAL_RANK, WHOLE, size_of
from .texts import backbone_text, interval_text, size_text, slope_text
from .trends import trend_of

_UNITS = {"compute": (1e12, "TFLOPs of training"), "time": (1.0, "seconds of training")}


def trend_table(records: Sequence[Record], confidence: float, basis: Basis) -> Table:
    """Slopes, and changes from the smallest size to the largest."""
    rows: list[list[str | Value]] = []
    for backbone in BACKBONES:
        for method in (*METHODS, SCALED):
            found = trend_of(records, backbone.name, method, confidence)
            runs = of_runs(records, backbone.name, method)
            span = f"{parameters(runs[0]):,} to {parameters(runs[-1]):,}"
            numbers = [span, slope_text(found.slope), interval_text(found.change)]
            rows.append([backbone_text(backbone), method, *(Value(one, basis) for one in numbers)])
    columns = ["backbone", "method", "trained parameters", "slope", "from smallest to largest"]
    note = (
        f"Slope of log held-out loss against log trained parameters, a line for each seed; {confidence:.0%} t "
        f"intervals over the {len(WHOLE.seeds)} seeds. They say what another order of the data and start would "
        "do on this backbone, not what another backbone would."
    )
    return Table("How the loss moves with the size", columns, rows, note)


def equal_table(records: Sequence[Record], confidence: float, basis: Basis) -> Table:
    """Every method against QLoRA at equal parameters, data, compute and time."""
    rows: list[list[str | Value]] = []
    for backbone in BACKBONES:
        for method in METHODS:
            gap = gap_at_equal_parameters(records, backbone.name, method, REFERENCE, confidence)
            is_other = method != REFERENCE
            cells = [interval_text(gap) if gap is not None and is_other else NOTHING]
            cells += [_best(method, best_within(records, backbone.name, method, axis, confidence)) for axis in AXES]
            rows.append([backbone_text(backbone), method, *(Value(cell, basis) for cell in cells)])
    columns = ["backbone", "method", "equal parameters", "equal data", "no more compute", "no more time"]
    note = (
        "Held-out loss over QLoRA's, minus one (means of logarithms of ratios). Equal parameters: mean over the "
        "range that both have, interpolated. The others: the method's best size within what QLoRA of rank "
        f"{USUAL_RANK} spends, against that. A best of several sizes is chosen by the losses that it is shown with, "
        "so it is a little flattered. All runs have the same data; a method that spends less than it may could make "
        "more steps, which is not measured here."
    )
    return Table("At equal parameters, data, compute and time", columns, rows, note)


def frontier_table(records: Sequence[Record], axis: str, basis: Basis) -> Table:
    """The runs that no other one beats on loss while it spends less."""
    unit, column = _UNITS[axis]
    rows: list[list[str | Value]] = []
    for backbone in BACKBONES:
        for spent, loss, method, size in frontier(records, backbone.name, axis):
            numbers = [f"{spent / unit:.3g}", f"{loss:.4f}"]
            rows.append(
                [backbone_text(backbone), method, size_text(method, size), *(Value(one, basis) for one in numbers)]
            )
    note = "Means over seeds. What is not listed has a higher loss than something that costs no more."
    return Table(f"The frontier of loss and {axis}", ["backbone", "method", "size", column, "loss"], rows, note)


def frontier(records: Sequence[Record], model: str, axis: str) -> list[tuple[float, float, str, int]]:
    """(Spent, loss, method, size) of what nothing beats, the cheapest first; means over seeds."""
    spent = AXES[axis]
    points = []
    for method in METHODS:
        for size in SIZES[method]:
            runs = [one for one in of_runs(records, model, method) if size_of(one.cell) == size]
            points.append((spent(runs), math.exp(mean(list(map(log_loss, runs)))), method, size))
    found: list[tuple[float, float, str, int]] = []
    for point in sorted(points):
        if not found or point[1] < found[-1][1]:
            found.append(point)
    return found


def size_table(records: Sequence[Record], backbone: SmallBackbone) -> Table:
    """Every size of every method on a backbone."""
    rows: list[list[str | Value]] = []
    for method in (*METHODS, SCALED):
        for size in SIZES[method]:
            runs = [one for one in of_runs(records, backbone.name, method) if size_of(one.cell) == size]
            cells = _numbers(runs) if runs else [NOTHING] * 6
            basis = basis_of(runs[0]) if runs else None
            rows.append([method, size_text(method, size), *(Value(one, basis) if basis else one for one in cells)])
    columns = [
        "method",
        "size",
        "trained parameters",
        "loss",
        "lowest",
        "highest",
        "GFLOPs of a step",
        "seconds of a step",
    ]
    note = f"Held-out loss after {STEPS} steps: mean (of logarithms), lowest and highest over seeds."
    return Table(f"Every size on the backbone of {backbone_text(backbone)}", columns, rows, note)


def _numbers(runs: Sequence[Record]) -> list[str]:
    losses = list(map(log_loss, runs))
    shown = [math.exp(one) for one in (mean(losses), min(losses), max(losses))]
    flops = mean([one.flops.per_step for one in runs if one.flops])
    seconds = quiet_seconds(runs) or 0.0
    return [f"{parameters(runs[0]):,}", *(f"{one:.4f}" for one in shown), f"{flops / 1e9:.2f}", f"{seconds:.3f}"]


def _best(method: str, found: Best | None) -> str:
    return NOTHING if found is None else f"{size_text(method, found.size)}: {interval_text(found.gap)}"
