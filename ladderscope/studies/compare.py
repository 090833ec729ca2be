"""How the numbers of a quick run compare with those of the committed ledger."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.units import counted

_ACCURACY, _SECONDS = "accuracy", "seconds per step"
_QUANTITIES: dict[str, Callable[[Record], float | None]] = {
    "peak allocated": lambda r: r.memory.peak_allocated_bytes if r.memory else None,
    "peak reserved": lambda r: r.memory.peak_reserved_bytes if r.memory else None,
    "FLOPs per step": lambda r: r.flops.per_step if r.flops else None,
    "loss after": lambda r: r.eval_loss.after if r.eval_loss else None,
    _ACCURACY: lambda r: _mean_accuracy(r),
    _SECONDS: lambda r: r.seconds_per_step,
}
_OF_THE_MACHINE = (_SECONDS,)
"""Quantities that another machine changes: shown, but held to no tolerance."""
HELD = tuple(quantity for quantity in _QUANTITIES if quantity not in _OF_THE_MACHINE)
"""Quantities that a quick run's tolerance is about."""
_IN_POINTS = (_ACCURACY,)
"""Shares of right answers: a ratio is infinite against none right, and one answer moves it much at chance level."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a quantity of the quick run is off the committed one: a share of it, or for accuracies a difference.

    Attributes:
        quantity: which.
        cells: how many hold it in both.
        lowest: quick over committed, minus one; for accuracies quick minus committed. The least of all cells.
        highest: the same, the most.
    """

    quantity: str
    cells: int
    lowest: float
    highest: float

    def is_within(self, tolerance: Mapping[str, float]) -> bool:
        """Whether no cell is further off than the tolerance of its quantity, where it has one."""
        return max(-self.lowest, self.highest) <= tolerance.get(self.quantity, math.inf)


def agreements(quick: Sequence[Record], committed: Sequence[Record]) -> list[Agreement]:
    """The quantities that cells of both ledgers hold, cells being the same with meter and GPU."""
    known = {record.key: record for record in committed}
    pairs = [(record, known[record.key]) for record in quick if record.key in known]
    found = []
    for quantity, of in _QUANTITIES.items():
        values = [(of(new), of(old)) for new, old in pairs]
        off = [_off(quantity, new, old) for new, old in values if new is not None and old is not None]
        if off:
            found.append(Agreement(quantity, len(off), min(off), max(off)))
    return found


def _mean_accuracy(record: Record) -> float | None:
    """Over the test sets, each of which weighs the same."""
    shares = [one.accuracy for one in record.answers.values()]
    return math.fsum(shares) / len(shares) if shares else None


def _off(quantity: str, new: float, old: float) -> float:
    if quantity in _IN_POINTS or new == old:
        return new - old
    return new / old - 1 if old else math.inf


def agreement_lines(found: Sequence[Agreement]) -> list[str]:
    """A line for people on each quantity."""
    if not found:
        return ["No cell of the quick run is in the committed ledger, so there is nothing to compare with."]
    return [f"{one.quantity}: {_shown(one)} the committed value, {counted(one.cells, 'cell')}" for one in found]


def _shown(one: Agreement) -> str:
    if one.lowest == one.highest == 0:
        return "exactly"
    if one.quantity in _IN_POINTS:
        return f"{100 * one.lowest:+.1f} to {100 * one.highest:+.1f} points from"
    return f"{1 + one.lowest:.4f} to {1 + one.highest:.4f} times"
