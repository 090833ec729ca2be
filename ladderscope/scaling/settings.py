"""How to fit, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from ladderscope.errors import UsageError
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

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Objective):
            raise UsageError(f"objective {self.objective!r} is none: write Objective(kind={self.objective!r}).")
        for name in ("confidence", "margin"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise UsageError(
                    f"{name} {value!r} is not a share: give one above 0 and below 1, such as 0.95 or 0.1."
                )
        for name, smallest in (("starts", 1), ("resamples", 0), ("seed", 0)):
            value = getattr(self, name)
            if value != int(value) or value < smallest:
                raise UsageError(f"{name} {value!r} is not a whole number of at least {smallest}: give one.")
