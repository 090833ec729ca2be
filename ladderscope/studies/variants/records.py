"""The records of a plan of variants, and the curves of loss over what is spent that they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ladderscope.records import PREDICT, Record
from ladderscope.studies.bases import PREDICTED, Basis, basis_of, common_basis, in_words
from ladderscope.studies.chosen import peak_allocated
from ladderscope.studies.complete import missing_sentence, of_one_meter
from ladderscope.studies.curves import Point, mean_gap
from ladderscope.studies.intervals import mean
from ladderscope.studies.trained.spent import flops_spent
from ladderscope.studies.trained.timing import quiet_seconds
from ladderscope.studies.variants.cells import GPU, predicted_cell, trained_cell
from ladderscope.studies.variants.plan import Plan, Variant

Axis = Literal["width", "memory", "compute", "time"]
"""What is made equal: the reduction factor; predicted bytes; FLOPs of training; seconds of its steps."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The records of a plan.

    Attributes:
        plan: whose they are.
        trained: variant, reduction and seed -> a run that ended well, all on the same kind of device.
        predicted: variant and reduction -> what the side network takes beside the 7B backbone.
    """

    plan: Plan
    trained: Mapping[tuple[str, int, int], Record]
    predicted: Mapping[tuple[str, int], Record]

    def family(self, reference: str, others: Iterable[str]) -> Runs:
        """Those of one variant and of the others that are compared with it."""
        plan = replace(self.plan, variants=self.plan.named((reference, *others)))
        known = {one.name for one in plan.variants}
        return Runs(
            plan,
            {key: record for key, record in self.trained.items() if key[0] in known},
            {key: record for key, record in self.predicted.items() if key[0] in known},
        )

    def missing(self, axis: Axis) -> str | None:
        """How many cells that comparisons at equal ``axis`` read have no result, as a sentence; None where none."""
        sides = {side for other in self.plan.others for side in _read(axis, self.plan.reference, other)}
        trained = {(*side, seed) for side in sides for seed in self.plan.seeds}
        predicted = sides if axis == "memory" else set()
        known = len(trained & self.trained.keys()) + len(predicted & self.predicted.keys())
        return missing_sentence(known, len(trained) + len(predicted))

    def basis(self) -> Basis:
        """Where losses come from."""
        return common_basis(self.trained.values())

    def basis_in_words(self, axis: Axis = "width") -> str:
        """Where differences at equal ``axis`` come from; bytes decide at which losses methods are compared."""
        losses = in_words(map(basis_of, self.trained.values()))
        return f"losses {losses}, bytes {PREDICTED}" if axis == "memory" else losses

    def runs_of(self, variant: str, reduction: int) -> list[Record]:
        """Those of all seeds that have one."""
        return [one for key, one in self.trained.items() if key[:2] == (variant, reduction)]


def runs_of(plan: Plan, records: Sequence[Record]) -> Runs:
    """Sort the records of a ledger; failed ones, and those of other cells, are passed over."""
    ended = {(one.cell.cell_id, one.meter == PREDICT): one for one in of_one_meter(records) if _is_result(one)}
    trained, predicted = {}, {}
    for one in plan.variants:
        for reduction in one.reductions:
            found = ended.get((predicted_cell(one, reduction).cell_id, True))
            if found is not None:
                predicted[one.name, reduction] = found
            for seed in plan.seeds:
                found = ended.get((trained_cell(one, reduction, seed, plan.steps).cell_id, False))
                if found is not None:
                    trained[one.name, reduction, seed] = found
    return Runs(plan, trained, predicted)


def _is_result(record: Record) -> bool:
    if record.status != "ok":
        return False
    if record.meter == PREDICT:
        return record.gpu == GPU and record.memory is not None
    is_timed = record.flops is not None and bool(record.step_seconds)
    return is_timed and record.eval_loss is not None and math.isfinite(record.eval_loss.after)


def loss_of(record: Record) -> float:
    """Held-out loss after training, nats per token."""
    assert record.eval_loss is not None
    return record.eval_loss.after


def differences(runs: Runs, axis: Axis, first: str, second: str) -> dict[int, float]:
    """Mean logarithm of the first's held-out loss over the second's, a number for each seed.

    At equal width, the mean over the reductions that both have. On another axis, each has a curve of loss over what is
    spent, straight between the logarithms of its widths; the mean is over all that both curves reach.

    Args:
        runs: of a plan.
        axis: what is made equal.
        first: a variant, commonly the reference.
        second: the one that it is compared with.

    Returns:
        Only seeds that have all of the runs that are compared; empty where the two curves share no range.
    """
    one, other = runs.plan.named((first, second))
    sides = _read(axis, one, other)
    if not sides or (axis == "memory" and not sides <= runs.predicted.keys()):
        return {}
    found = {}
    for seed in runs.plan.seeds:
        if all((*side, seed) in runs.trained for side in sides):
            gap = (
                _gap_at_equal_width(runs, sides, first, seed)
                if axis == "width"
                else _gap(runs, axis, one, other, seed)
            )
            if gap is not None:
                found[seed] = gap
    return found


def curve(runs: Runs, axis: Axis, one: Variant, seed: int) -> list[Point]:
    """(logarithm of what is spent, logarithm of the loss) of a seed's run of each reduction, the least spent first."""
    points = []
    for reduction in one.reductions:
        record = runs.trained[one.name, reduction, seed]
        points.append((math.log(_SPENT[axis](runs, one.name, record)), math.log(loss_of(record))))
    return sorted(points)


def shared_bytes(runs: Runs, first: str, second: str) -> tuple[int, int] | None:
    """The least and the most predicted bytes that both variants reach; None where there are none."""
    ranges = []
    for one in runs.plan.named((first, second)):
        if any((one.name, reduction) not in runs.predicted for reduction in one.reductions):
            return None
        sizes = [peak_allocated(runs.predicted[one.name, reduction]) for reduction in one.reductions]
        ranges.append((min(sizes), max(sizes)))
    low, high = max(least for least, _ in ranges), min(most for _, most in ranges)
    return (low, high) if low < high else None


def _read(axis: Axis, one: Variant, other: Variant) -> set[tuple[str, int]]:
    """(Variant, reduction) of all that a comparison of two reads."""
    shared = set(one.reductions) & set(other.reductions)
    return {
        (some.name, reduction)
        for some in (one, other)
        for reduction in some.reductions
        if axis != "width" or reduction in shared
    }


def _gap_at_equal_width(runs: Runs, sides: Iterable[tuple[str, int]], first: str, seed: int) -> float:
    logs = {side: math.log(loss_of(runs.trained[(*side, seed)])) for side in sides}
    mine, theirs = (
        [log for (name, _), log in logs.items() if (name == first) == is_mine] for is_mine in (True, False)
    )
    return mean(mine) - mean(theirs)


def _gap(runs: Runs, axis: Axis, one: Variant, other: Variant, seed: int) -> float | None:
    return mean_gap(curve(runs, axis, one, seed), curve(runs, axis, other, seed))


def _reduction(record: Record) -> int:
    assert record.cell.reduction_factor is not None
    return record.cell.reduction_factor


def _seconds(runs: Runs, variant: str, record: Record) -> float:
    """Of all steps, at the pace of the quiet quarter of all seeds."""
    return record.cell.steps * (quiet_seconds(runs.runs_of(variant, _reduction(record))) or 0.0)


_SPENT: Mapping[Axis, Callable[[Runs, str, Record], float]] = {
    "memory": lambda runs, variant, record: float(peak_allocated(runs.predicted[variant, _reduction(record)])),
    "compute": lambda runs, variant, record: flops_spent(record),
    "time": _seconds,
}
