"""The plan of a method on a GPU: does it fit, what is the most that does, and what to change first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ladderscope.memory.predict.gpus import Gpu
from ladderscope.planning.cells import longest_row
from ladderscope.planning.forecasts import Fit, Forecasts
from ladderscope.planning.knobs import LENGTH_STEP, Knob, knobs_of
from ladderscope.planning.search import largest_that_fits
from ladderscope.planning.stages import Begin, Stage, in_stages
from ladderscope.records import Cell

MOST_ROWS = 1024
"""Larger batches are not looked for."""
_LONG = 8192
_LONG_STEP = 128
_MOST_TOGETHER = 4


@dataclass(frozen=True)
class Largest:
    """The largest size that fits; ``fit`` and ``next_fit`` are the predictions on both sides of the boundary.

    Attributes:
        value: rows or tokens; 0 where not even the smallest size fits.
        next_value: the size behind it, which does not fit; None where ``value`` is the largest of interest.
        step: between sizes.
        fit: of ``value``; None for 0.
        next_fit: of ``next_value``.
    """

    value: int
    next_value: int | None
    step: int
    fit: Fit | None
    next_fit: Fit | None


@dataclass(frozen=True)
class Change:
    """One knob or several, and the cell with them turned, beside the cell that was asked for.

    Attributes:
        knobs: what is changed.
        fit: of the changed cell.
        saved_bytes: of the reserved peak over all phases.
        saved_allocated_bytes: of the allocated peak.
    """

    knobs: tuple[Knob, ...]
    fit: Fit
    saved_bytes: int
    saved_allocated_bytes: int


@dataclass
class Plan:
    """What is known of a method on a GPU; what is None was not reached.

    Attributes:
        cell: that was asked for.
        gpu: the GPU.
        asked: the cell's own prediction.
        batch: the largest batch at the asked length.
        length: the longest rows, one in a batch.
        changes: single knobs, the largest saving first.
        together: several knobs, where the cell does not fit and no single one is enough; None also where they
            are not enough either.
    """

    cell: Cell
    gpu: Gpu
    asked: Fit | None = None
    batch: Largest | None = None
    length: Largest | None = None
    changes: list[Change] | None = field(default=None)
    together: Change | None = None


def make_plans(
    cells: Sequence[Cell],
    gpus: Sequence[Gpu],
    forecasts: Forecasts,
    begin: Begin = lambda number, total, what: None,
) -> Iterator[list[Plan]]:
    """Plan every cell on every GPU: first whether they fit, then how much would, then what to change.

    Args:
        cells: one per method.
        gpus: the GPUs.
        forecasts: makes the predictions.
        begin: is told of each part of the work.

    Returns:
        All plans, the same list at first and after every piece that has become known.
    """
    plans = [Plan(cell, gpu) for gpu in gpus for cell in cells]
    return in_stages(plans, _STAGES, forecasts, begin)


def ask(plan: Plan, forecasts: Forecasts) -> None:
    """Predict the cell itself."""
    plan.asked = forecasts.of(plan.cell, plan.gpu)


def search_batch(plan: Plan, forecasts: Forecasts) -> None:
    """Find the largest batch, rows being as long as was asked for."""

    def cell_at(rows: int) -> Cell:
        return dataclasses.replace(plan.cell, batch_size=rows)

    asked = float(plan.cell.batch_size)
    plan.batch = _largest(plan, forecasts, cell_at, range(1, MOST_ROWS + 1), asked)


def search_length(plan: Plan, forecasts: Forecasts) -> None:
    """Find the longest rows, one in a batch."""
    longest = longest_row(plan.cell.model)
    step = LENGTH_STEP if longest <= _LONG else _LONG_STEP

    def cell_at(tokens: int) -> Cell:
        return dataclasses.replace(plan.cell, batch_size=1, seq_len=tokens)

    # As many tokens in one row take about as much as in several.
    asked = plan.cell.batch_size * plan.cell.seq_len / step
    plan.length = _largest(plan, forecasts, cell_at, [*range(step, longest, step), longest], asked)


def _largest(
    plan: Plan, forecasts: Forecasts, cell_at: Callable[[int], Cell], values: Sequence[int], asked_at: float
) -> Largest:
    def fit_at(size: int) -> Fit:
        return forecasts.of(cell_at(values[size - 1]), plan.gpu)

    assert plan.asked is not None
    known = {size: plan.asked for size, value in enumerate(values, 1) if cell_at(value) == plan.cell}
    size = largest_that_fits(fit_at, len(values), known, hint=(asked_at, plan.asked))
    ends = size == len(values)
    return Largest(
        value=values[size - 1] if size else 0,
        next_value=None if ends else values[size],
        step=values[0],
        fit=fit_at(size) if size else None,
        next_fit=None if ends else fit_at(size + 1),
    )


def turn_knobs(plan: Plan, forecasts: Forecasts) -> None:
    """Predict what every change would save, and several together where none is enough."""
    changes = [_change(plan, forecasts, (knob,)) for knob in knobs_of(plan.cell)]
    changes.sort(key=lambda change: (-change.saved_bytes, -change.saved_allocated_bytes))
    plan.changes = changes
    assert plan.asked is not None
    if not plan.asked.fits and not any(change.fit.fits for change in changes):
        plan.together = _turn_several(plan, forecasts, changes)


def _turn_several(plan: Plan, forecasts: Forecasts, changes: list[Change]) -> Change | None:
    """The knobs that save most, one more at a time, until it fits; those that change the shape come last."""
    useful = [change.knobs[0] for change in changes if change.saved_bytes > 0]
    turned: tuple[Knob, ...] = ()
    for knob in sorted(useful, key=lambda knob: knob.changes_shape):
        taken = {name for other in turned for name in other.changes}
        if taken & set(knob.changes):
            continue
        turned = (*turned, knob)
        if len(turned) > 1 and (change := _change(plan, forecasts, turned)).fit.fits:
            return change
        if len(turned) == _MOST_TOGETHER:
            break
    return None


def _change(plan: Plan, forecasts: Forecasts, knobs: tuple[Knob, ...]) -> Change:
    cell, alloc_conf = plan.cell, None
    for knob in knobs:
        cell, alloc_conf = knob.applied_to(cell), knob.alloc_conf or alloc_conf
    fit = forecasts.of(cell, plan.gpu, alloc_conf)
    assert plan.asked is not None
    return Change(
        knobs,
        fit,
        saved_bytes=plan.asked.peak_reserved_bytes - fit.peak_reserved_bytes,
        saved_allocated_bytes=plan.asked.peak_allocated_bytes - fit.peak_allocated_bytes,
    )


_STAGES: tuple[Stage[Plan], ...] = (
    (ask, "peak"),
    (search_batch, "largest batch"),
    (search_length, "longest row"),
    (turn_knobs, "savings"),
)
