"""What methods reach at equal parameters, data, compute and time: logarithms of losses, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.studies.curves import Point, mean_gap
from ladderscope.studies.intervals import MeanInterval, mean, mean_interval
from ladderscope.studies.trained.spent import AXES

from .plan import REFERENCE, SCALED, USUAL_RANK, WHOLE, method_of, size_of


def of_runs(records: Sequence[Record], model: str, method: str, seed: int | None = None) -> list[Record]:
    """The runs of a method on a backbone, of one seed or of all, those with the fewest parameters first.

    QLoRA with a growing alpha has that of rank 8, which is QLoRA as it is, between its smallest and its largest rank.
    """
    found = [one for one in records if (one.cell.model, method_of(one.cell)) == (model, method)]
    if method == SCALED:
        found += [one for one in of_runs(records, model, REFERENCE) if one.cell.rank == USUAL_RANK]
    return sorted((one for one in found if seed in (None, one.cell.seed)), key=parameters)


def log_loss(record: Record) -> float:
    """Logarithm of the held-out loss after training."""
    assert record.eval_loss is not None
    return math.log(record.eval_loss.after)


def parameters(record: Record) -> int:
    """Trained ones."""
    assert record.params is not None
    return record.params.trainable


def points(runs: Sequence[Record]) -> list[Point]:
    """(log of trained parameters, log of the loss) of each run."""
    return [(math.log(parameters(one)), log_loss(one)) for one in runs]


def gap_at_equal_parameters(
    records: Sequence[Record], model: str, method: str, other: str, confidence: float
) -> MeanInterval | None:
    """Mean over seeds of log(loss of the method / of the other), averaged over the numbers of parameters of both.

    Losses between two sizes are interpolated on logarithms. None where the two share no range of parameters.
    """
    gaps = []
    for seed in WHOLE.seeds:
        gap = mean_gap(*(points(of_runs(records, model, one, seed)) for one in (method, other)))
        if gap is not None:
            gaps.append(gap)
    return mean_interval(gaps, confidence) if gaps else None


@dataclass(frozen=True, slots=True)
class Best:
    """The size of a method that comes out best within what QLoRA of rank 8 spends, and its loss against QLoRA's.

    Attributes:
        size: its rank or reduction.
        gap: mean over seeds of log(its loss / that of QLoRA of rank 8).
    """

    size: int
    gap: MeanInterval


def best_within(records: Sequence[Record], model: str, method: str, axis: str, confidence: float) -> Best | None:
    """The method's best size that spends no more of ``axis`` than QLoRA of rank 8; None where all spend more."""
    usual = [one for one in of_runs(records, model, REFERENCE) if one.cell.rank == USUAL_RANK]
    allowed = AXES[axis](usual)
    runs: dict[int, list[Record]] = {}
    for one in of_runs(records, model, method):
        runs.setdefault(size_of(one.cell), []).append(one)
    fitting = {size: some for size, some in runs.items() if AXES[axis](some) <= allowed}
    if not fitting:
        return None
    size = min(fitting, key=lambda one: mean(list(map(log_loss, fitting[one]))))
    theirs = {one.cell.seed: log_loss(one) for one in usual}
    return Best(size, mean_interval([log_loss(one) - theirs[one.cell.seed] for one in fitting[size]], confidence))
