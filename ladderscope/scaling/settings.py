"""How to fit, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from ladderscope.scaling.fitting.fit import DEFAULT_STARTS
from ladderscope.scaling.fitting.objective import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How to fit and how sure to be.

    Attributes:
        objective: what is minimised; a Huber delta of ``None`` is taken from the residuals.
        starts: random starts of each fit.
        seed: of starts and resamples.
        confidence: of intervals and bands.
        resamples: of each bootstrap; 0 leaves bootstraps out.
        profiles: whether profile likelihoods are computed.
        margin: of equivalence, relative to the slope of the second method of a pair.
    """

    objective: Objective = field(default_factory=Objective)
    starts: int = DEFAULT_STARTS
    seed: int = 0
    confidence: float = 0.95
    resamples: int = 400
    profiles: bool = True
    margin: float = 0.1
