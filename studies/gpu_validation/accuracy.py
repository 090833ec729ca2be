"""How right predictions were: ratios of predicted to measured, by cell and in summary."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from studies.gpu_validation.pairs import COMPARED, Pair

Quantity = Callable[[Record], float | None]


def allocated_bytes(record: Record) -> int | None:
    """Peak allocated."""
    return record.memory.peak_allocated_bytes if record.memory else None


def reserved_bytes(record: Record) -> int | None:
    """Peak reserved; None where the meter does not see it."""
    return record.memory.peak_reserved_bytes if record.memory else None


def flops_per_step(record: Record) -> int | None:
    """Counted in the record's step."""
    return record.flops.per_step if record.flops else None


def flops_per_second(record: Record) -> float | None:
    """FLOPs of a step over the seconds of one."""
    step, seconds = flops_per_step(record), record.seconds_per_step
    return step / seconds if step and seconds else None


def ratio_of(pair: Pair, quantity: Quantity) -> float | None:
    """Predicted over measured; None where a side has no such number."""
    if pair.measured is None or pair.predicted is None:
        return None
    measured, predicted = quantity(pair.measured), quantity(pair.predicted)
    return predicted / measured if measured and predicted is not None else None


@dataclass(frozen=True)
class Target:
    """What predictions of a quantity are to reach: the median and the largest of all relative errors."""

    name: str
    quantity: Quantity
    median: float
    largest: float


ALLOCATED = Target("peak allocated", allocated_bytes, 0.01, 0.03)
RESERVED = Target("peak reserved", reserved_bytes, 0.02, 0.05)
TARGETS = (ALLOCATED, RESERVED)


@dataclass(frozen=True)
class Accuracy:
    """Ratios of predicted to measured of some cells, beside a target. At least one ratio.

    An error is ``|ratio - 1|``. A ratio below 1 is the unsafe side: the cell needs more than was predicted.
    """

    target: Target
    ratios: tuple[float, ...]

    @property
    def errors(self) -> list[float]:
        """Of every cell."""
        return [abs(ratio - 1) for ratio in self.ratios]

    @property
    def median_error(self) -> float:
        """Over all cells."""
        return statistics.median(self.errors)

    @property
    def largest_error(self) -> float:
        """Of any cell."""
        return max(self.errors)

    @property
    def below(self) -> int:
        """Predictions below their measurement."""
        return sum(ratio < 1 for ratio in self.ratios)

    @property
    def is_met(self) -> bool:
        """Whether both the median and the largest error are within the target."""
        return self.median_error <= self.target.median and self.largest_error <= self.target.largest


def accuracy_of(pairs: Iterable[Pair], target: Target) -> Accuracy | None:
    """Over the pairs that can be compared; None without one."""
    ratios = [ratio_of(pair, target.quantity) for pair in pairs if pair.outcome == COMPARED]
    known = tuple(ratio for ratio in ratios if ratio is not None)
    return Accuracy(target, known) if known else None


def grouped(pairs: Sequence[Pair], key: Callable[[Pair], str]) -> dict[str, list[Pair]]:
    """The pairs by ``key``, in the order of its first appearance."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(key(pair), []).append(pair)
    return groups
