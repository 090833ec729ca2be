"""What comparing with a baseline found: plain data, which every output shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ladderscope.errors import INTERRUPTED
from ladderscope.memory.places import count
from ladderscope.regression.entry import Entry
from ladderscope.regression.metrics import METRICS, Metric

Outcome = Literal["regression", "failed", "missing", "improvement", "changed", "same", "new", "removed"]
"""Of one entry: ``failed`` could not be measured, ``missing`` is not in the baseline; ``changed`` within its limits.

``new`` and ``removed`` are of updates: what was not in the file, what is no longer in it.
"""
OK, REGRESSION, CANNOT_MEASURE = 0, 1, 3


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric before and now, in its unit.

    Args:
        name: of the metric.
        before: in the baseline.
        after: now.
        allowed: the increase that its limit lets pass, None without one.
        limit: as the user wrote it.
        noise: the difference that repeated measurements do not tell from none.
    """

    name: str
    before: int
    after: int
    allowed: int | None
    limit: str = ""
    noise: int = 0

    @property
    def metric(self) -> Metric:
        """What the values are of."""
        return METRICS[self.name]

    @property
    def change(self) -> int:
        """By how much it grew."""
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        """The change in percent; None where there was nothing before."""
        return 100 * self.change / self.before if self.before else None

    @property
    def is_regression(self) -> bool:
        """Whether it grew by more than is allowed."""
        return self.allowed is not None and self.change > self.allowed

    @property
    def is_improvement(self) -> bool:
        """Whether a metric that has a limit fell, by more than noise."""
        return self.allowed is not None and -self.change > self.noise


Moment = Literal["peak", "saved for backward"]


@dataclass(frozen=True, slots=True)
class Growth:
    """A place whose bytes changed; a folded one stands for several that changed alike.

    Args:
        moment: at the peak, or in what forward leaves for backward.
        category: of the breakdown.
        place: ``"side_network.blocks.3: mul.Tensor"``; see ``ladderscope.memory.places``.
        before: bytes of each place.
        after: bytes of each place now.
    """

    moment: Moment
    category: str
    place: str
    before: int
    after: int

    @property
    def change(self) -> int:
        """By how many bytes all of these places together grew."""
        return (self.after - self.before) * count(self.place)


@dataclass(frozen=True, slots=True)
class EntryVerdict:
    """What became of one entry.

    Args:
        name: of the cell or test.
        outcome: see there.
        before: in the baseline; None where it is not in there.
        after: now; None where it could not be measured.
        changes: metrics that differ, or have a limit; in the order of METRICS.
        growths: where bytes changed, the largest growth first, what shrank last.
        versions: of packages that differ: name -> (before, now); empty text where there was none.
        error: why it could not be measured.
    """

    name: str
    outcome: Outcome
    before: Entry | None = None
    after: Entry | None = None
    changes: Sequence[MetricChange] = ()
    growths: Sequence[Growth] = ()
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    error: str = ""

    @property
    def regressions(self) -> list[MetricChange]:
        """Metrics that grew by more than is allowed."""
        return [change for change in self.changes if change.is_regression]

    @property
    def worst(self) -> MetricChange | None:
        """The metric that is furthest above what is allowed, relative to what was before.

        None without one, also where the entry regressed because it no longer fits its GPU.
        """
        return max(self.regressions, key=_excess, default=None)


def _excess(change: MetricChange) -> float:
    return (change.change - (change.allowed or 0)) / max(change.before, 1)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A whole check: its verdicts in the order of names.

    Args:
        baseline: the file.
        verdicts: of every entry that was to be checked and has been run.
        limits: the limit of each metric that has one, as text.
        unchecked: how many entries of the baseline were left out, by reason.
        seconds: that it took.
        is_update: whether what changed has been accepted and written.
        is_interrupted: whether its user asked it to stop.
        not_run: names that were to be checked and have not been run.
    """

    baseline: Path
    verdicts: Sequence[EntryVerdict]
    limits: dict[str, str] = field(default_factory=dict)
    unchecked: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    is_update: bool = False
    is_interrupted: bool = False
    not_run: Sequence[str] = ()

    def having(self, *outcomes: Outcome) -> list[EntryVerdict]:
        """The verdicts with one of these outcomes."""
        return [verdict for verdict in self.verdicts if verdict.outcome in outcomes]

    @property
    def regressions(self) -> list[EntryVerdict]:
        """The worst first."""
        return sorted(self.having("regression"), key=lambda verdict: -_excess_of(verdict))

    @property
    def exit_code(self) -> int:
        """1 where something is known to have regressed, else 3 where something could not be measured, else 0.

        Never 1 of an update; 130 where it was interrupted, whatever had been found by then.
        """
        if self.is_interrupted:
            return INTERRUPTED
        if self.having("regression") and not self.is_update:
            return REGRESSION
        return CANNOT_MEASURE if self.not_run or self.having("failed", "missing") else OK


def _excess_of(verdict: EntryVerdict) -> float:
    return 0.0 if verdict.worst is None else _excess(verdict.worst)
