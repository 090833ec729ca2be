"""Tables of variants: losses, differences to the reference, predicted bytes, and what runs cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import PREDICTED, Basis
from ladderscope.studies.chosen import peak_allocated
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import mean
from ladderscope.studies.texts import interval_text, percent
from ladderscope.studies.trained.spent import flops_spent
from ladderscope.studies.trained.timing import quiet_seconds
from ladderscope.studies.variants.records import Axis, Runs, loss_of, shared_bytes
from ladderscope.studies.variants.verdicts import Comparisons, against_reference
from ladderscope.units import GIB

_AXES: tuple[Axis, ...] = ("width", "compute", "time")
_Cost = Callable[[Runs, str, int], float | None]
"""What a variant costs at a reduction; None where nothing is known."""


def reductions_of(runs: Runs) -> list[int]:
    """All of the plan, the widest side network first."""
    return sorted({reduction for one in runs.plan.variants for reduction in one.reductions})


def loss_table(runs: Runs) -> Table:
    """Held-out losses of every variant and width, and what a step of them costs."""
    basis, sizes = runs.basis(), reductions_of(runs)
    rows: list[list[str | Value]] = [
        [one.name, *(Value(_cell(runs.runs_of(one.name, size)), basis) for size in sizes)]
        for one in runs.plan.variants
    ]
    note = (
        f"Nats per token after {runs.plan.steps} steps, mean over seeds: equal data. In brackets millions of trained "
        "parameters, GFLOPs of a run for each of its steps (what calibrates the taps before the first one included) "
        "and seconds of a step."
    )
    return Table("Held-out loss", ["variant", *(f"1/{size}" for size in sizes)], rows, note)


def difference_table(title: str, runs: Runs, bounds: Mapping[str, float], axes: Sequence[Axis] = _AXES) -> Table:
    """The reference's loss against every other variant's, at equal width, compute and time."""
    found = {axis: against_reference(runs, axis, bounds) for axis in axes}
    basis = runs.basis()
    rows: list[list[str | Value]] = [
        [one.name, *(Value(_shown(found[axis], one.name), basis) for axis in axes)] for one in runs.plan.others
    ]
    note = f"{_NOTE.format(runs.plan.reference.name, bounds['confidence'])} Equal width is equal data too."
    if set(axes) - {"width"}:
        note += (
            " At equal compute and time, the mean over all that both variants' runs span, each interpolated between "
            "its widths (logarithms)."
        )
    return Table(title, ["variant", *(f"equal {axis}" for axis in axes)], rows, note)


def memory_table(runs: Runs, families: Sequence[Runs], bounds: Mapping[str, float]) -> Table:
    """The reference's loss against every other variant's at equal predicted bytes.

    Args:
        runs: of the whole plan.
        families: the families of comparisons; each other variant is in one.
        bounds: ``confidence``.
    """
    sizes, reference = reductions_of(runs), runs.plan.reference.name
    decided = {name: one for some in families for name, one in against_reference(some, "memory", bounds).items()}
    rows: list[list[str | Value]] = []
    for one in runs.plan.variants:
        shared = _shared(runs, one.name) if one.name != reference else NOTHING
        sizes_in_gib = [gib(runs, one.name, size) for size in sizes]
        # Losses were measured, though at bytes that are predicted; where there is none, the dash is no measurement.
        loss = Value(shown, runs.basis()) if (shown := _shown(decided, one.name)) != NOTHING else NOTHING
        rows.append([one.name, *(Value(text, PREDICTED) for text in (*sizes_in_gib, shared)), loss])
    note = (
        f"GiB: {_BYTES} Then those that both the variant's widths and {reference}'s span, and over these the loss of "
        f"{reference} over the variant's. {_NOTE.format(reference, bounds['confidence'])}"
    )
    origin = f"Bytes **{PREDICTED}**; losses, at these bytes, **{runs.basis()}**." if runs.trained else ""
    columns = ["variant", *(f"GiB at 1/{size}" for size in sizes), "shared GiB", "loss"]
    return Table("At equal memory", columns, rows, note, origin)


def bytes_table(runs: Runs) -> Table:
    """Predicted bytes of every variant, against the reference's, and how far they are apart."""
    sizes = reductions_of(runs)
    columns = ["variant", *(f"{what} at 1/{size}" for what in ("GiB", "bytes") for size in sizes)]
    rows: list[list[str | Value]] = [
        [one.name, *(Value(gib(runs, one.name, size), PREDICTED) for size in sizes), *ratios]
        for one, ratios in zip(runs.plan.variants, _ratios(runs, (_bytes,), PREDICTED), strict=True)
    ]
    rows.append(
        ["most over least", *(Value(NOTHING, PREDICTED) for _ in sizes), *_spreads(runs, (_bytes,), PREDICTED)]
    )
    note = f"GiB: {_BYTES} Bytes: these against those of {runs.plan.reference.name}."
    return Table("What the variants take of memory", columns, rows, note)


def training_cost_table(runs: Runs) -> Table:
    """Compute and time of every variant's training against the reference's, and how far they are apart."""
    basis, costs = runs.basis(), (_flops, _seconds)
    columns = ["variant", *(f"{what} at 1/{size}" for what in ("FLOPs", "seconds") for size in reductions_of(runs))]
    rows: list[list[str | Value]] = [
        [one.name, *ratios] for one, ratios in zip(runs.plan.variants, _ratios(runs, costs, basis), strict=True)
    ]
    rows.append(["most over least", *_spreads(runs, costs, basis)])
    note = f"FLOPs of a whole run and seconds of a step, against those of {runs.plan.reference.name}."
    return Table("What their training takes", columns, rows, note)


def _ratios(runs: Runs, costs: Sequence[_Cost], basis: Basis) -> list[list[Value]]:
    """Of each variant, its costs at each width against the reference's."""
    reference = runs.plan.reference.name
    return [
        [
            Value(_ratio(of(runs, one.name, size), of(runs, reference, size)), basis)
            for of in costs
            for size in reductions_of(runs)
        ]
        for one in runs.plan.variants
    ]


def _spreads(runs: Runs, costs: Sequence[_Cost], basis: Basis) -> list[Value]:
    return [Value(_spread(runs, of, size), basis) for of in costs for size in reductions_of(runs)]


_NOTE = (
    "Loss of {0} over the variant's, minus one: below zero where {0} is lower. Means over seeds of log ratios with "
    "{1:.0%} t intervals over seeds, each by itself."
)
_BYTES = (
    "the most that is allocated from loading to the second step, for llama-2-7b in NF4, bf16, one row of 2,048 "
    "tokens, the loss in chunks."
)


def gib(runs: Runs, variant: str, reduction: int) -> str:
    """Predicted GiB, as text."""
    found = _bytes(runs, variant, reduction)
    return NOTHING if found is None else f"{found / GIB:.2f}"


def _shared(runs: Runs, variant: str) -> str:
    found = shared_bytes(runs, runs.plan.reference.name, variant)
    return NOTHING if found is None else f"{found[0] / GIB:.2f} to {found[1] / GIB:.2f}"


def _shown(found: Comparisons, variant: str) -> str:
    one = found.get(variant)
    return NOTHING if one is None else interval_text(one.plain)


def _cell(runs: Sequence[Record]) -> str:
    if not runs:
        return NOTHING
    loss, flops = mean([loss_of(one) for one in runs]), mean([flops_spent(one) / one.cell.steps for one in runs]) / 1e9
    trained = [one.params.trainable for one in runs if one.params]
    parameters = f"{mean(trained) / 1e6:.2f} M, " if trained else ""
    return f"{loss:.3f} ({parameters}{flops:.0f}, {quiet_seconds(runs):.2f} s)"


def _bytes(runs: Runs, variant: str, reduction: int) -> float | None:
    found = runs.predicted.get((variant, reduction))
    return None if found is None else float(peak_allocated(found))


def _flops(runs: Runs, variant: str, reduction: int) -> float | None:
    found = runs.runs_of(variant, reduction)
    return mean([flops_spent(one) for one in found]) if found else None


def _seconds(runs: Runs, variant: str, reduction: int) -> float | None:
    return quiet_seconds(runs.runs_of(variant, reduction))


def _ratio(value: float | None, reference: float | None) -> str:
    return NOTHING if value is None or reference is None else percent(math.log(value / reference))


def _spread(runs: Runs, of: _Cost, reduction: int) -> str:
    found = [of(runs, one.name, reduction) for one in runs.plan.variants]
    known = [value for value in found if value is not None]
    return percent(math.log(max(known) / min(known))) if known else NOTHING
