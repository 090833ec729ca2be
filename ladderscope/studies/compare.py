"""How the numbers of a quick run compare with those of the committed ledger."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.units import counted

_QUANTITIES: dict[str, Callable[[Record], float | None]] = {
    "peak allocated": lambda r: r.memory.peak_allocated_bytes if r.memory else None,
    "peak reserved": lambda r: r.memory.peak_reserved_bytes if r.memory else None,
    "FLOPs per step": lambda r: r.flops.per_step if r.flops else None,
    "loss after": lambda r: r.eval_loss.after if r.eval_loss else None,
    "accuracy": lambda r: _mean_accuracy(r),
    "seconds per step": lambda r: r.seconds_per_step,
}


_OF_THE_MACHINE = ("seconds per step",)
"""Quantities that another machine changes: shown, but held to no tolerance."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Ratios of a quantity, quick over committed.

    Attributes:
        quantity: which.
        cells: how many hold it in both.
        lowest: ratio.
        highest: ratio.
    """

    quantity: str
    cells: int
    lowest: float
    highest: float

    def is_within(self, tolerance: float) -> bool:
        """Whether no ratio is further from 1 than that, where the quantity is held to it."""
        return self.quantity in _OF_THE_MACHINE or max(1 - self.lowest, self.highest - 1) <= tolerance


def agreements(quick: Sequence[Record], committed: Sequence[Record]) -> list[Agreement]:
    """The quantities that cells of both ledgers hold, cells being the same with meter and GPU."""
    known = {record.key: record for record in committed}
    pairs = [(record, known[record.key]) for record in quick if record.key in known]
    found = []
    for quantity, of in _QUANTITIES.items():
        values = [(of(new), of(old)) for new, old in pairs]
        ratios = [_ratio_of(new, old) for new, old in values if new is not None and old is not None]
        if ratios:
            found.append(Agreement(quantity, len(ratios), min(ratios), max(ratios)))
    return found


def _mean_accuracy(record: Record) -> float | None:
    """Over the test sets, each of which weighs the same."""
    shares = [one.accuracy for one in record.answers.values()]
    return math.fsum(shares) / len(shares) if shares else None


def _ratio_of(new: float, old: float) -> float:
    if old:
        return new / old
    return 1.0 if new == old else math.inf


def agreement_lines(found: Sequence[Agreement]) -> list[str]:
    """A line for people on each quantity."""
    if not found:
        return ["No cell of the quick run is in the committed ledger, so there is nothing to compare with."]
    return [f"{one.quantity}: {_ratio(one)} the committed value, {counted(one.cells, 'cell')}" for one in found]


def _ratio(one: Agreement) -> str:
    if one.lowest == one.highest == 1:
        return "exactly"
    return f"{one.lowest:.4f} to {one.highest:.4f} times"
