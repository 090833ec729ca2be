"""All that was computed about how sure a fit is, and the intervals of each parameter by each method."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.base import MAX_EXPONENT, Parameter
from ladderscope.scaling.results.estimates import Ends
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.uncertainty.bootstrap import pairs_bootstrap
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance, clustered_covariance, fewest_runs
from ladderscope.scaling.uncertainty.draws import Advance, Draws
from ladderscope.scaling.uncertainty.profile import Profile, profiles
from ladderscope.scaling.uncertainty.wild import WildDraws, wild_bootstrap

BOOTSTRAPS = 2
"""By pairs and wild: each calls ``advance`` once a resample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the intervals of a fit are made from; parts that could not be computed are missing."""

    fitted: FittedLaw
    confidence: float
    covariance: ClusteredCovariance | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)
    pairs: Draws | None = None
    wild: WildDraws | None = None

    @classmethod
    def of(cls, fitted: FittedLaw, settings: FitSettings, advance: Advance | None = None) -> Evidence:
        """Everything that ``settings`` ask for and the number of runs allows."""
        covariance = clustered_covariance(fitted)
        curves = profiles(fitted, covariance, confidence=settings.confidence) if settings.profiles else []
        enough = int(fitted.informative_runs.sum()) >= fewest_runs(len(fitted.theta))
        resamples = settings.resamples if enough else 0
        return cls(
            fitted=fitted,
            confidence=settings.confidence,
            covariance=covariance,
            profiles={curve.name: curve for curve in curves},
            pairs=pairs_bootstrap(fitted, resamples, seed=settings.seed, advance=advance) if resamples else None,
            wild=wild_bootstrap(fitted, resamples, seed=settings.seed, advance=advance)
            if resamples and covariance is not None
            else None,
        )

    @property
    def failed_resamples(self) -> int:
        """Of both bootstraps."""
        return sum(draws.failed for draws in (self.pairs, self.wild) if draws is not None)

    def intervals(self, index: int) -> dict[str, Ends]:
        """Intervals of the parameter at ``index`` by method, in the terms of ``theta``; ends may be infinite."""
        found: dict[str, Ends] = {}
        middle, error = float(self.fitted.theta[index]), self.standard_error(index)
        if self.covariance is not None and error is not None:
            width = stats.t.ppf(0.5 + self.confidence / 2, self.covariance.degrees_of_freedom) * error
            found["covariance"] = (middle - float(width), middle + float(width))
        curve = self.profiles.get(self.fitted.law.names[index])
        if curve is not None:
            found["profile"] = (
                -np.inf if curve.low is None else curve.low,
                np.inf if curve.high is None else curve.high,
            )
        if self.pairs is not None and self.pairs.enough:
            low, high = self.pairs.percentiles(self.confidence)
            found["bootstrap"] = (float(low[index]), float(high[index]))
        if self.wild is not None and self.wild.enough and error is not None:
            width = self.wild.critical_values(self.confidence)[index] * error
            found["wild"] = (middle - float(width), middle + float(width))
        return found

    def standard_error(self, index: int) -> float | None:
        """Of ``theta`` by the clustered covariance; ``None`` without one, and for a parameter that is held there."""
        error = 0.0 if self.covariance is None else float(self.covariance.standard_errors[index])
        return error or None

    def at_lower_bound(self, index: int) -> bool:
        """Whether the profile's interval reaches down to the parameter's bound."""
        parameter = self.fitted.law.parameters[index]
        curve = self.profiles.get(parameter.name)
        return curve is not None and curve.low is not None and curve.low <= parameter.ends[0]

    def unclosed(self, index: int) -> str | None:
        """``above``, ``below`` or ``above and below`` where the profile does not close."""
        curve = self.profiles.get(self.fitted.law.names[index])
        if curve is None:
            return None
        return " and ".join(side for side, end in (("below", curve.low), ("above", curve.high)) if end is None) or None


def in_values(parameter: Parameter, ends: Ends) -> Ends:
    """An interval of ``theta`` as one of the parameter's value, within its bounds; log 0 becomes 0."""
    ends = max(ends[0], parameter.ends[0]), min(ends[1], parameter.ends[1])
    if not parameter.log:
        return ends
    low, high = (float(np.exp(min(end, MAX_EXPONENT))) if np.isfinite(end) else end for end in ends)
    return (0.0 if low == -np.inf else low, high)
