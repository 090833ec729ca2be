"""Which slope decides a comparison.

The exponent of the law, where the law has an offset. Two curves E + B x^-lambda of one exponent are parallel, one
costing k times the other at every loss, and yet their log-log slopes at the same x differ, because one of them is
closer to its offset there. Without an offset the law is a straight line on logarithmic axes, and the local slope
decides, unless there is none, as for a response that is not positive: then the exponent does, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.scaling.comparison.joint_law import ModelName
from ladderscope.scaling.comparison.law_comparison import EXPONENTS
from ladderscope.scaling.comparison.local_comparison import LOCAL, NO_LOGARITHM
from ladderscope.scaling.results.comparison import NestedModel, SlopeComparison

SHARED: ModelName = "shared offset"
OWN: ModelName = "all own"


def deciding_first(
    slopes: Sequence[SlopeComparison], models: Sequence[NestedModel], confidence: float
) -> list[SlopeComparison]:
    """``slopes`` with the one that decides in front.

    The offset is shared unless the nested ``models`` reject that. Where nothing was tested, as with too few runs, the
    local slope comes first: it is the one whose scatter says how many runs it takes.
    """
    offset = next((model for model in models if model.name == SHARED), None)
    wanted = LOCAL
    if offset is not None and any(slope.p_equivalence is not None for slope in slopes):
        p = offset.p_against_next
        wanted = EXPONENTS[OWN if p is not None and p <= 1 - confidence else SHARED]
    elif slopes[0].reason == NO_LOGARITHM:
        wanted = EXPONENTS[OWN]
    return sorted(slopes, key=lambda slope: slope.estimand != wanted)
