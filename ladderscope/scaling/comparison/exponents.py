"""The law's own exponent of both methods, from the nested models that give each its own."""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.comparison.equivalence import TwoSlopes
from ladderscope.scaling.comparison.jackknife import Jackknifed
from ladderscope.scaling.comparison.joint import FIRST, SECOND
from ladderscope.scaling.comparison.nested import NestedFit


def exponents(fit: NestedFit, estimates: Jackknifed | None) -> TwoSlopes | None:
    """The exponents with their covariance; ``None`` where the law has none, or the jackknife failed."""
    name = fit.law.base.slope
    if name is None or estimates is None or np.array_equal(*fit.law.parts):
        return None
    parameter = fit.law.base.parameters[fit.law.base.names.index(name)]
    moved = estimates
    if parameter.log:
        moved = Jackknifed(
            value=np.exp(estimates.value),
            replicates=np.exp(estimates.replicates),
            stratum=estimates.stratum,
            even_noise=estimates.even_noise,
            lost=estimates.lost,
        )
    return TwoSlopes.of(moved, fit.law.place(name, FIRST), fit.law.place(name, SECOND))
