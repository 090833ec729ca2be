"""What the runs of each arm have answered, granularity by granularity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ladderscope.records import Answers, Record
from ladderscope.studies.complete import of_one_meter
from ladderscope.studies.intervals import MeanInterval, accuracy_difference, accuracy_interval, mean
from ladderscope.studies.trained.spent import flops_spent
from ladderscope.studies.trained.timing import quiet_seconds

from .plan import ARMS, BUDGETS, WHOLE, arm_of, cells_of, granularity_of

WANTED = {cell.cell_id for cell in cells_of(WHOLE)}
Spent = Callable[[Record], float]
AS_MUCH = 0.05
"""What differs by less is as much: seconds of the same work do."""
SPENT: Mapping[str, Spent] = {
    "data": lambda record: float(record.cell.steps * record.cell.batch_size),
    "compute": flops_spent,
    "time": lambda record: record.cell.steps * (quiet_seconds([record]) or 0.0),
}
"""What can be made equal -> how much of it a run spent: examples, FLOPs, seconds."""


def usable(records: Iterable[Record]) -> list[Record]:
    """Those of this plan that ended well, by one kind of machine, in the plan's order of seeds."""
    ended = [one for one in records if one.cell.cell_id in WANTED and one.status == "ok" and one.answers]
    of_one = {one.cell.cell_id: one for one in of_one_meter(ended)}
    return sorted(of_one.values(), key=lambda one: one.cell.seed)


def answers_of(record: Record) -> Answers:
    """Those to the test of the cell's granularity."""
    (found,) = record.answers.values()
    return found


def runs_of(records: Sequence[Record], arm: str, granularity: int, steps: int | None = None) -> list[Record]:
    """The runs of an arm, in the order of their seeds; of its largest budget where no ``steps`` are given."""
    if steps is None:
        steps = BUDGETS[-1] if arm in ARMS else 0
    return [
        one
        for one in records
        if one.cell.steps == steps and arm_of(one.cell) == arm and granularity_of(one.cell) == granularity
    ]


def pooled(runs: Sequence[Record]) -> Answers:
    """All answers of several runs one behind the other."""
    found = [answers_of(one) for one in runs]
    return Answers(
        correct="".join(one.correct for one in found), tokens=[count for one in found for count in one.tokens]
    )


def accuracy(runs: Sequence[Record]) -> float:
    """Share of right answers over all runs."""
    return pooled(runs).accuracy


def tokens(runs: Sequence[Record]) -> float:
    """Mean number of tokens written for an answer."""
    counts = pooled(runs).tokens
    return mean(counts)


def is_above(runs: Sequence[Record], chance: float, confidence: float) -> bool:
    """Whether the interval of the accuracy lies above ``chance``."""
    return accuracy_interval(pooled(runs), confidence)[0] > chance


def difference(
    records: Sequence[Record], first: str, second: str, granularities: Sequence[int], confidence: float
) -> MeanInterval:
    """Mean over granularities of the first arm's accuracy minus the second's, paired by item and seed.

    Equal data: both are of the largest budget, on the same examples in the same order.
    """
    tests = [
        {
            str(granularity): [answers_of(one) for one in runs_of(records, arm, granularity)]
            for granularity in granularities
        }
        for arm in (first, second)
    ]
    return accuracy_difference(tests[0], tests[1], confidence)


def differences_by_seed(
    records: Sequence[Record], first: str, second: str, granularities: Sequence[int]
) -> list[float]:
    """What :func:`difference` is the mean of: for each seed, the mean over granularities."""
    pairs = [
        list(zip(runs_of(records, first, granularity), runs_of(records, second, granularity), strict=True))
        for granularity in granularities
    ]
    return [
        mean([answers_of(one).accuracy - answers_of(other).accuracy for one, other in of_seed])
        for of_seed in zip(*pairs, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class EqualGap:
    """Two arms at an equal amount of something.

    Attributes:
        mean: over granularities, of the difference in accuracy.
        budgets: granularity -> steps of the runs that are compared, of the first arm and of the second.
    """

    mean: float
    budgets: Mapping[int, tuple[int, int]]


def gap_at_equal(
    records: Sequence[Record], first: str, second: str, granularities: Sequence[int], axis: str
) -> EqualGap | None:
    """The difference where each arm may spend what both spend at most.

    An arm is read at its largest budget within that. None where one has none. Nothing is read between budgets: a
    run learns a chain all at once, at a step that nobody knows.
    """
    gaps, budgets = [], {}
    for granularity in granularities:
        mine, theirs = (_budgets(records, arm, granularity, SPENT[axis]) for arm in (first, second))
        if not mine or not theirs:
            return None
        most = min(mine[-1].log_spent, theirs[-1].log_spent)
        one, other = (_reached(points, most) for points in (mine, theirs))
        if one is None or other is None:
            return None
        gaps.append(one.accuracy - other.accuracy)
        budgets[granularity] = (one.steps, other.steps)
    return EqualGap(mean(gaps), budgets)


@dataclass(frozen=True, slots=True, order=True)
class _Budget:
    log_spent: float
    steps: int
    accuracy: float


def _budgets(records: Sequence[Record], arm: str, granularity: int, spent: Spent) -> list[_Budget]:
    """Those that were run, ascending by what was spent."""
    found = []
    for steps in BUDGETS:
        runs = runs_of(records, arm, granularity, steps)
        if runs:
            found.append(_Budget(mean([math.log(spent(one)) for one in runs]), steps, accuracy(runs)))
    return sorted(found)


def _reached(budgets: Sequence[_Budget], most: float) -> _Budget | None:
    within = [one for one in budgets if one.log_spent <= most + math.log(1 + AS_MUCH)]
    return within[-1] if within else None
