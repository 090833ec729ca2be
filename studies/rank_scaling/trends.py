"""How the loss moves with the size of an adapter or of a side network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.records import Record
from ladderscope.studies.intervals import MeanInterval, mean_interval

from .equal import log_loss, of_runs, points
from .plan import LARGEST_RANK, USUAL_RANK, WHOLE


@dataclass(frozen=True, slots=True)
class Trend:
    """Of a method on a backbone, over seeds; each seed has its own straight line through the logarithms.

    Attributes:
        slope: of log loss against log trained parameters.
        change: of log loss along these lines, from the smallest size to the largest.
    """

    slope: MeanInterval
    change: MeanInterval


def trend_of(records: Sequence[Record], model: str, method: str, confidence: float) -> Trend:
    """The trend, with Student t intervals over the seeds."""
    lines = [_line(of_runs(records, model, method, seed)) for seed in WHOLE.seeds]
    slopes, changes = zip(*lines, strict=True)
    return Trend(mean_interval(slopes, confidence), mean_interval(changes, confidence))


def _line(runs: Sequence[Record]) -> tuple[float, float]:
    """Slope, and change from end to end."""
    import numpy as np

    x, y = np.array(points(runs)).T
    slope = float(np.polyfit(x - x.mean(), y, 1)[0])
    return slope, slope * float(x[-1] - x[0])


def beyond_usual_rank(records: Sequence[Record], model: str, method: str, confidence: float) -> MeanInterval:
    """Mean over seeds of log(loss of the largest rank / of rank 8)."""
    gaps = []
    for seed in WHOLE.seeds:
        losses = {one.cell.rank: log_loss(one) for one in of_runs(records, model, method, seed)}
        gaps.append(losses[LARGEST_RANK] - losses[USUAL_RANK])
    return mean_interval(gaps, confidence)
