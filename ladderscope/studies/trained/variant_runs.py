"""Runs of variants, and their losses against the reference's at equal width, memory, compute and time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ladderscope.records import PREDICT, Cell, Record
from ladderscope.studies.bases import Basis, basis_of, weakest
from ladderscope.studies.chosen import peak_allocated
from ladderscope.studies.trained.timing import quiet_seconds
from ladderscope.studies.trained.variants import GPU, Plan, Variant, predicted_cell, trained_cell

Axis = Literal["width", "memory", "compute", "time"]
"""What is made equal: the reduction factor; predicted bytes; FLOPs of training; seconds of a step."""
Place = tuple[int, int]
"""A reduction factor of the reference, and a seed: what differences are paired by."""


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

    def only(self, names: Iterable[str]) -> Runs:
        """Those of the reference and of the variants of these names."""
        known = {*names, self.plan.reference.name}
        return Runs(
            replace(self.plan, variants=self.plan.named(known)),
            {key: record for key, record in self.trained.items() if key[0] in known},
            {key: record for key, record in self.predicted.items() if key[0] in known},
        )

    def missing(self) -> str | None:
        """How many cells of the plan have no result, as a sentence; None where all have one."""
        sizes = sum(len(one.reductions) for one in self.plan.variants)
        planned = sizes * (len(self.plan.seeds) + 1)
        known = len(self.trained) + len(self.predicted)
        return None if known == planned else f"{planned - known} of {planned} cells have no result yet."

    def basis(self, axis: Axis = "width") -> Basis:
        """Where losses come from, or differences at equal ``axis``: predicted where bytes decide what is compared."""
        records = [*self.trained.values(), *(self.predicted.values() if axis == "memory" else ())]
        return weakest(map(basis_of, records))

    def runs_of(self, variant: str, reduction: int) -> list[Record]:
        """Those of all seeds that have one."""
        return [one for key, one in self.trained.items() if key[:2] == (variant, reduction)]


def runs_of(plan: Plan, records: Sequence[Record]) -> Runs:
    """Sort the records of a ledger; failed ones, and those of other cells, are passed over."""
    ended = {(one.cell.cell_id, one.meter == PREDICT): one for one in _of_one_meter(records) if _is_result(one)}
    trained, predicted = {}, {}
    for one in plan.variants:
        for reduction in one.reductions:
            found = ended.get((predicted_cell(one, reduction).cell_id, True))
            if found is not None:
                predicted[one.name, reduction] = found
            for seed in plan.seeds:
                found = ended.get((_id(plan, one, reduction, seed), False))
                if found is not None:
                    trained[one.name, reduction, seed] = found
    return Runs(plan, trained, predicted)


def _id(plan: Plan, one: Variant, reduction: int, seed: int) -> str:
    cell: Cell = trained_cell(one, reduction, seed, plan.steps)
    return cell.cell_id


def _is_result(record: Record) -> bool:
    if record.status != "ok":
        return False
    if record.meter == PREDICT:
        return record.gpu == GPU and record.memory is not None
    is_timed = record.flops is not None and bool(record.step_seconds)
    return is_timed and record.eval_loss is not None and math.isfinite(record.eval_loss.after)


def _of_one_meter(records: Sequence[Record]) -> list[Record]:
    """Predictions, and the runs of the meter that has the most: a CPU's losses and a GPU's are not compared."""
    most = Counter(one.meter for one in records if one.meter != PREDICT).most_common(1)
    return [one for one in records if one.meter == PREDICT or (most and one.meter == most[0][0])]


def loss_of(record: Record) -> float:
    """Held-out loss after training, nats per token."""
    assert record.eval_loss is not None
    return record.eval_loss.after


def differences(runs: Runs, axis: Axis, first: str, second: str, reach: float = 0.0) -> dict[Place, float]:
    """Logarithms of the first's held-out loss over the second's, by the first's reductions and by seeds.

    At equal width, the second has the same reduction. On another axis, its curve of loss over what is spent (a point
    for each of its reductions, of the same seed) is interpolated between logarithms where the first stands.

    Args:
        runs: of a plan.
        axis: what is made equal.
        first: a variant, commonly the reference.
        second: the one that it is compared with.
        reach: how far beyond its ends a curve counts, at the end's loss, as a share of what is spent.

    Returns:
        Only places that the second reaches.
    """
    found = {}
    for (name, reduction, seed), record in runs.trained.items():
        if name != first:
            continue
        theirs: float | None = None
        if axis == "width":
            same = runs.trained.get((second, reduction, seed))
            theirs = None if same is None else math.log(loss_of(same))
        else:
            spent = _SPENT[axis](runs, record, first, reduction)
            theirs = None if spent is None else _at(curve(runs, axis, second, seed), math.log(spent), reach)
        if theirs is not None:
            found[reduction, seed] = math.log(loss_of(record)) - theirs
    return found


def curve(runs: Runs, axis: Axis, variant: str, seed: int) -> list[tuple[float, float]]:
    """(logarithm of what is spent, logarithm of the loss) of each reduction, in the order of what is spent."""
    points = []
    for (name, reduction, of_seed), record in runs.trained.items():
        spent = _SPENT[axis](runs, record, name, reduction) if (name, of_seed) == (variant, seed) else None
        if spent is not None:
            points.append((math.log(spent), math.log(loss_of(record))))
    return sorted(points)


def _at(points: Sequence[tuple[float, float]], place: float, reach: float) -> float | None:
    import numpy as np

    slack = math.log1p(reach)
    if not points or not points[0][0] - slack <= place <= points[-1][0] + slack:
        return None
    return float(np.interp(place, [x for x, _ in points], [y for _, y in points]))


def _bytes(runs: Runs, record: Record, variant: str, reduction: int) -> float | None:
    found = runs.predicted.get((variant, reduction))
    return None if found is None else float(peak_allocated(found))


def _flops(runs: Runs, record: Record, variant: str, reduction: int) -> float | None:
    return None if record.flops is None else float(record.flops.per_step * record.cell.steps)


def _seconds(runs: Runs, record: Record, variant: str, reduction: int) -> float | None:
    return quiet_seconds(runs.runs_of(variant, reduction))


_SPENT: Mapping[Axis, Callable[[Runs, Record, str, int], float | None]] = {
    "width": lambda runs, record, variant, reduction: float(record.cell.reduction_factor or 0),
    "memory": _bytes,
    "compute": _flops,
    "time": _seconds,
}
