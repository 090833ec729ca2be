"""Slopes within backbones: how fast the loss of a method falls with compute where the size stays the same.

One curve through all sizes takes for slope what is a change of level from one backbone to the next, and that change
differs between methods. A line for each backbone knows nothing of levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.studies.trained.spent import flops_spent

from .family import FAMILY, METHODS, REFERENCE

if TYPE_CHECKING:
    from ladderscope.scaling.comparison.equivalence import TwoSlopes
    from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison

ESTIMAND = "mean slope within backbones"
RISES = "the loss does not fall within backbones, so there is no scaling to compare"
Slopes = Mapping[str, float]
"""Backbone -> slope."""
Spent = Callable[[Record], float]
"""Compute of a run."""


@dataclass(frozen=True, slots=True)
class Within:
    """Slopes within backbones.

    Attributes:
        slopes: method -> backbone -> slope.
        against: method -> its mean slope compared with QLoRA's.
    """

    slopes: Mapping[str, Slopes]
    against: Mapping[str, SlopeComparison]


def within_backbones(
    records: Sequence[Record],
    confidence: float,
    margin: float,
    *,
    methods: Sequence[str] = METHODS,
    spent: Spent = flops_spent,
) -> Within:
    """The slopes of methods, each compared with QLoRA's: paired by backbone, adjusted by Holm over the methods.

    The ratio is of means over backbones, its interval Fieller's: the ratios r that a paired t test of ``first -
    r second`` does not reject. The p of no difference is that of the paired t test.

    Args:
        records: with losses and FLOPs.
        confidence: of the intervals of slopes; that of the ratio has 2 ``confidence`` - 1, as in the package.
        margin: of equal slopes, as a share of QLoRA's.
        methods: with or without QLoRA; those with slopes on fewer than two of QLoRA's backbones are not compared.
        spent: compute of a run.
    """
    from ladderscope.scaling.comparison.holm import adjusted

    slopes = {method: slopes_within(records, method, spent) for method in dict.fromkeys([REFERENCE, *methods])}
    pairs = {method: _paired(slopes, method) for method in slopes if method != REFERENCE}
    alone = [_compared(method, found, confidence, margin) for method, found in pairs.items() if len(found) > 1]
    return Within(slopes, {one.first: one.slopes[0] for one in adjusted(alone, confidence)})


def slopes_within(records: Sequence[Record], method: str, spent: Spent = flops_spent) -> dict[str, float]:
    """Backbone -> -d log(held-out loss) / d log(compute) of the method's runs on it, by least squares.

    Backbones with fewer than two budgets of the method are left out.
    """
    import numpy as np

    found = {}
    for backbone in FAMILY:
        runs = [one for one in records if (one.cell.model, one.cell.method) == (backbone.name, method)]
        points = [(math.log(spent(one)), math.log(one.eval_loss.after)) for one in runs if one.eval_loss]
        if len({one.cell.steps for one in runs}) > 1:
            compute, loss = np.array(points).T
            found[backbone.name] = -float(np.polyfit(compute, loss, 1)[0])
    return found


def _paired(slopes: Mapping[str, Slopes], method: str) -> list[tuple[float, float]]:
    """(of the method, of QLoRA) on each backbone where both have a slope."""
    return [(slopes[method][name], theirs) for name, theirs in slopes[REFERENCE].items() if name in slopes[method]]


def flops_of_steps(record: Record) -> float:
    """FLOPs of the training steps alone, without the calibration before them."""
    return float(record.cell.steps * record.flops.per_step) if record.flops else 0.0


def _compared(method: str, pairs: Sequence[tuple[float, float]], confidence: float, margin: float) -> MethodComparison:
    from ladderscope.scaling.comparison.judgement import judged
    from ladderscope.scaling.results.comparison import MethodComparison

    two, number = _means(pairs), (len(pairs), len(pairs))
    found = judged(
        ESTIMAND,
        two,
        margin=margin,
        confidence=confidence,
        n_runs=number,
        what="pairs of backbones",
        method="t test over backbones",
        objection=RISES if min(two.first, two.second) <= 0 else None,
    )
    return MethodComparison(
        first=method,
        second=REFERENCE,
        margin=margin,
        paired=True,
        pair_keys=["model"],
        n_pairs=len(pairs),
        n_runs=number,
        verdict=found.verdict,
        reason=found.reason,
        slopes=[found],
    )


def _means(pairs: Sequence[tuple[float, float]]) -> TwoSlopes:
    """The means of two paired samples of at least two values, with their covariance."""
    import numpy as np

    from ladderscope.scaling.comparison.equivalence import TwoSlopes

    table = np.array(pairs).T  # (2, backbones)
    number = table.shape[1]
    matrix = np.cov(table) / number
    return TwoSlopes(
        first=table[0].mean(),
        second=table[1].mean(),
        variance_first=matrix[0, 0],
        covariance=matrix[0, 1],
        variance_second=matrix[1, 1],
        freedom=np.asarray(number - 1.0),
    )
