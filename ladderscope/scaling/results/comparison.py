"""Two methods compared, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ladderscope.scaling.results.estimates import Ends, Estimate

Verdict = Literal["equivalent", "different", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeComparison:
    """One estimand of the slope, compared.

    Attributes:
        estimand: which slope: the local log-log slope, or the law's exponent with the offset
            shared or own.
        first, second: the slopes with intervals of the fit's confidence c; ``difference``: first minus second.
        equivalence_interval: of the ratio first / second with confidence 2c - 1 (90% for 95%), which two one-sided
            tests at 1 - c invert.
        standard_error_method: how the difference got its standard error.
        p_difference: two-sided, of no difference; ``p_equivalence``: of a difference outside of the margin.
        p_difference_holm, p_equivalence_holm: adjusted for the number of comparisons in the table.
        smallest_margin: the smallest relative margin at which the slopes are equivalent; ``None``: there is none.
        runs_needed: runs per method that decide with a power of 80% if the slopes are the same in truth.
    """

    estimand: str
    first: Estimate
    second: Estimate
    difference: Estimate
    verdict: Verdict
    reason: str
    equivalence_interval: Ends | None = None
    standard_error_method: str | None = None
    degrees_of_freedom: float | None = None
    p_difference: float | None = None
    p_equivalence: float | None = None
    p_difference_holm: float | None = None
    p_equivalence_holm: float | None = None
    smallest_margin: float | None = None
    runs_needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedModel:
    """One of the nested models: ``one curve``, ``parallel``, ``shared offset``, ``all own``.

    Attributes:
        shared: names of the parameters that both methods share.
        objective: its value at the optimum; ``aicc`` is of Gaussian residuals over runs.
        left_out_error: root mean square of log residuals of runs (pairs) that were left out, one at a time.
        p_against_next: of this model against the next larger one, clustered by run.
    """

    name: str
    shared: list[str]
    n_parameters: int
    objective: float
    aicc: float | None
    left_out_error: float | None
    p_against_next: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplierAt:
    """The multiplier where ``second`` is at ``x`` of the predictor, ``by`` straight lines or a model of the law."""

    x: float
    by: str
    multiplier: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodComparison:
    """Everything about one pair of methods.

    Attributes:
        paired: whether runs of the two were matched; ``pair_keys`` by which settings.
        margin: the relative margin of equivalence, stated beforehand: 0.1 means slopes within 10% of ``second``'s.
        shared_range: of the predictor, covered by both.
        slopes: by estimand; the first one decides ``verdict``.
        multiplier: how many times the predictor ``first`` needs for the same response as ``second``, if the curves are
            parallel; ``multipliers``: the same at the ends of the shared range where they are not.
        crossing: the predictor at which one overtakes the other, by straight lines through the shared range;
            ``crossing_by_law``: by the law.
    """

    first: str
    second: str
    margin: float
    paired: bool
    pair_keys: list[str]
    n_pairs: int
    n_runs: tuple[int, int]
    verdict: Verdict
    reason: str
    shared_range: Ends | None = None
    slopes: list[SlopeComparison] = field(default_factory=list)
    models: list[NestedModel] = field(default_factory=list)
    preferred_model: str | None = None
    multiplier: Estimate = field(default_factory=Estimate)
    multipliers: list[MultiplierAt] = field(default_factory=list)
    crossing: Estimate = field(default_factory=Estimate)
    crossing_by_law: Estimate = field(default_factory=Estimate)
    notes: list[str] = field(default_factory=list)
