"""Holm's correction over all comparisons of a table (Holm 1979)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ladderscope.scaling.comparison.judgement import decided
from ladderscope.scaling.comparison.summary import with_slopes
from ladderscope.scaling.results.comparison import MethodComparison


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that the chance of any false rejection among them keeps to the level."""
    order = np.argsort(p_values)
    n = len(order)
    stepped = np.maximum.accumulate([(n - rank) * p_values[at] for rank, at in enumerate(order)])
    found = np.empty(n)
    found[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in found]


def adjusted(comparisons: Sequence[MethodComparison], confidence: float) -> list[MethodComparison]:
    """All ``comparisons`` of a table with p-values and verdicts that allow for their number.

    Each estimand is a family of its own, and so are differences and equivalences: they are different claims. Slopes
    without p-values (too few runs) keep their verdict and do not count.

    Args:
        confidence: the one that ``comparisons`` were made with.
    """
    slopes = {(c, s.estimand): s for c, comparison in enumerate(comparisons) for s in comparison.slopes}
    for estimand in dict.fromkeys(name for _, name in slopes):
        family = [at for at, slope in slopes.items() if at[1] == estimand and slope.p_equivalence is not None]
        if len(family) < 2:
            continue
        differences = holm([slopes[at].p_difference or 0.0 for at in family])
        equivalences = holm([slopes[at].p_equivalence or 0.0 for at in family])
        for at, p_difference, p_equivalence in zip(family, differences, equivalences, strict=True):
            found = replace(slopes[at], p_difference_holm=p_difference, p_equivalence_holm=p_equivalence)
            margin = comparisons[at[0]].margin
            slopes[at] = decided(found, margin, confidence, adjusted_for=len(family))
    return [
        with_slopes(comparison, [slopes[c, slope.estimand] for slope in comparison.slopes])
        for c, comparison in enumerate(comparisons)
    ]
