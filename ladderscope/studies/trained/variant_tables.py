"""Tables of variants: losses, differences to the reference, predicted bytes, and what the presets have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ladderscope.methods.settings import parse_settings
from ladderscope.records import Record
from ladderscope.studies.bases import PREDICTED
from ladderscope.studies.chosen import peak_allocated
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.trained.timing import quiet_seconds
from ladderscope.studies.trained.variant_runs import Axis, Runs, differences, loss_of
from ladderscope.studies.trained.variant_verdicts import (
    Intervals,
    against_reference,
    interval_text,
    others,
    percent,
    said_of,
)
from ladderscope.units import GIB

PRESETS = ("LadderConfig", "XLadderConfig", "LSTConfig", "QSTConfig")
_AXES: tuple[Axis, ...] = ("width", "compute", "time")


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
        "parameters, GFLOPs and seconds of a step."
    )
    return Table("Held-out loss", ["variant", *(f"1/{size}" for size in sizes)], rows, note)


def difference_table(title: str, runs: Runs, bounds: Mapping[str, float], axes: Sequence[Axis] = _AXES) -> Table:
    """The reference's loss against every other variant's, at equal width, compute and time."""
    found = {axis: against_reference(runs, axis, bounds) for axis in axes}
    basis = runs.basis()
    rows: list[list[str | Value]] = [
        [name, *(Value(_shown(found[axis][name]), basis) for axis in axes)] for name in others(runs)
    ]
    note = (
        f"Loss of {runs.plan.reference.name} over the variant's, minus one: below zero where the reference is lower. "
        f"Means over pairs of reduction and seed, {bounds['confidence']:.0%} t intervals by Holm's steps over the "
        "column. Widths are equal where reduction factors are; compute and time are those of the reference's runs, at "
        "which the variant's losses are interpolated between its widths; fewer than "
        f"{bounds['pairs']:.0f} pairs give no number."
    )
    return Table(title, ["variant", *(f"equal {axis}" for axis in axes)], rows, note)


def memory_table(runs: Runs, families: Sequence[Runs], bounds: Mapping[str, float], at: int) -> Table:
    """The reference's loss against every other variant's at equal predicted bytes.

    Args:
        runs: of the whole plan.
        families: the families of comparisons; each other variant is in one.
        bounds: as for :func:`against_reference`.
        at: the reduction of the reference whose bytes have a column of their own.
    """
    sizes, reference = reductions_of(runs), runs.plan.reference.name
    decided = {
        name: interval for one in families for name, interval in against_reference(one, "memory", bounds).items()
    }
    rows: list[list[str | Value]] = []
    for one in runs.plan.variants:
        places = {} if one.name == reference else differences(runs, "memory", reference, one.name, bounds["reach"])
        here = [gap for (reduction, _), gap in places.items() if reduction == at]
        is_reference = one.name == reference
        shown = (
            NOTHING if is_reference else _mean(here) if here else _not_reached(runs, one.name, at),
            NOTHING if is_reference else _shown(decided.get(one.name)),
            NOTHING if is_reference else str(len(places)),
        )
        rows.append(
            [one.name, *(Value(text, PREDICTED) for text in (*(gib(runs, one.name, s) for s in sizes), *shown))]
        )
    note = (
        "GiB: the most that is allocated from loading to the second step, for llama-2-7b in NF4, bf16, one row of "
        f"2,048 tokens, the loss in chunks. Then the loss of {reference} over the variant's, minus one, below zero "
        f"where it is lower: at the reference's bytes with 1/{at} (mean over seeds), and over all of the reference's "
        "widths whose bytes the variant's curve reaches, with intervals as above and the number of pairs. Bytes are "
        "predicted, losses measured."
    )
    columns = ["variant", *(f"GiB at 1/{size}" for size in sizes), f"at 1/{at}'s bytes", "at all", "pairs"]
    return Table("At equal memory", columns, rows, note)


def bytes_table(runs: Runs) -> Table:
    """Predicted bytes of every variant, and how far they are apart."""
    sizes = reductions_of(runs)
    rows: list[list[str | Value]] = [
        [one.name, *(Value(gib(runs, one.name, size), PREDICTED) for size in sizes)] for one in runs.plan.variants
    ]
    rows.append(["most over least", *(Value(_spread(runs, size), PREDICTED) for size in sizes)])
    note = "GiB: the most that is allocated, for llama-2-7b in NF4, bf16, one row of 2,048 tokens, the loss in chunks."
    return Table("Predicted bytes", ["variant", *(f"1/{size}" for size in sizes)], rows, note)


def gib(runs: Runs, variant: str, reduction: int) -> str:
    """Predicted GiB, as text."""
    found = runs.predicted.get((variant, reduction))
    return NOTHING if found is None else f"{peak_allocated(found) / GIB:.2f}"


def defaults_table(runs: Runs, said: Mapping[str, Intervals | str]) -> Table:
    """What the presets have now, and what the study says of it.

    Args:
        runs: of the plan, whose reference names the values that were compared.
        said: field of the configs -> comparisons of the reference with other values of it, or a sentence.
    """
    from ladderscope.methods import side

    configs = {name: getattr(side, name)() for name in PRESETS}
    reference = parse_settings(runs.plan.reference.settings)
    rows = []
    for field, found in said.items():
        values = [_value(getattr(config, field)) for config in configs.values()]
        if field == "taps":
            values[PRESETS.index("XLadderConfig")] = "its own"
        same = getattr(configs["LadderConfig"], field) == reference[field]
        says = found if isinstance(found, str) else said_of(found)
        if not same:
            says = f"Ladder's default is no longer what was compared here, {_value(reference[field])}. {says}"
        rows.append([f"`{field}`", *values, says])
    note = (
        "Ladder's and xLadder's defaults are this package's choice where the paper is silent; LST's and QST's are as "
        "published."
    )
    names = [name.removesuffix("Config") for name in PRESETS]
    return Table(
        "What the presets' defaults are, and what this study says of them", ["choice", *names, "says"], rows, note
    )


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(runs: Sequence[Record]) -> str:
    if not runs:
        return NOTHING
    loss = _average([loss_of(one) for one in runs])
    flops = _average([one.flops.per_step for one in runs if one.flops]) / 1e9
    seconds = quiet_seconds(runs)
    trained = [one.params.trainable for one in runs if one.params]
    parameters = f"{_average(trained) / 1e6:.2f} M, " if trained else ""
    return f"{loss:.3f} ({parameters}{flops:.0f}, {seconds:.2f} s)"


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _mean(gaps: Sequence[float]) -> str:
    return percent(_average(gaps))


def _shown(found: Any) -> str:
    return NOTHING if found is None else interval_text(found)


def _not_reached(runs: Runs, variant: str, at: int) -> str:
    known = runs.predicted.get((runs.plan.reference.name, at))
    own = [peak_allocated(one) for (name, _), one in runs.predicted.items() if name == variant]
    if known is None or not own:
        return NOTHING
    nearest = min(own, key=lambda size: abs(math.log(size / peak_allocated(known))))
    return f"not reached, nearest {nearest / GIB:.2f} GiB"


def _spread(runs: Runs, reduction: int) -> str:
    sizes = [peak_allocated(one) for (_, size), one in runs.predicted.items() if size == reduction]
    return percent(math.log(max(sizes) / min(sizes))) if sizes else NOTHING
