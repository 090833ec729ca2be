"""One law, fitted to one group of runs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ladderscope.scaling.results.estimates import Band, Ends, ParameterEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The parameters under another objective."""

    objective: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveResult:
    """What was minimised, and what it came to. ``delta`` is in units of the residuals."""

    kind: str
    delta: float | None
    value: float
    text: str
    sensitivity: list[Sensitivity] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Whether the optimum is one.

    Attributes:
        passed: nothing speaks against the optimum; ``findings`` says in sentences what does.
        gradient_norm: the largest derivative of the objective by a centred parameter, as a cosine: 0 at an optimum, 1
            at most.
        moved: whether the fit left its start.
        start_agreement: share of ``n_starts`` that reached the best objective.
        condition_number: of J'J with columns of length one.
        predictor_correlation: the largest absolute correlation of two predictors' logarithms.
        at_bound, not_identified: names of parameters.
    """

    passed: bool
    gradient_norm: float
    moved: bool
    n_starts: int
    start_agreement: float
    condition_number: float | None
    predictor_correlation: float | None
    at_bound: list[str] = field(default_factory=list)
    not_identified: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What bands are drawn from, in the terms of ``Law.theta``.

    Attributes:
        covariance: of theta, clustered by run, shape (k, k).
        degrees_of_freedom: of its t distribution.
        run_deviation, noise_deviation: standard deviations of what a run shares and of what a point has to itself, on
            the law's scale.
        n_clusters: the number of runs that the covariance is made from: those that are not all above their bound.
    """

    covariance: list[list[float]]
    degrees_of_freedom: float
    run_deviation: float
    noise_deviation: float
    n_clusters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPoints:
    """The points of a fit, in columns of the same length. Residuals are prediction minus y on the law's scale."""

    x: dict[str, list[float]]
    y: list[float]
    predicted: list[float]
    residual: list[float]
    run: list[str]
    censored: list[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileCurve:
    """The objective with one parameter held at each of ``value`` and the others refitted, less its minimum."""

    value: list[float]
    objective: list[float]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LawFit:
    """A law fitted to one group of runs. ``reason`` says why ``parameters`` are missing.

    ``scale`` is that of residuals: ``log`` for relative ones, ``linear`` for those in the unit of the response.
    """

    law: str
    title: str
    formula: str
    n_points: int
    n_runs: int
    n_censored: int
    x_ranges: dict[str, Ends]
    scale: Literal["log", "linear"] = "log"
    reason: str | None = None
    parameters: dict[str, ParameterEstimate] = field(default_factory=dict)
    objective: ObjectiveResult | None = None
    certificate: Certificate | None = None
    uncertainty: Uncertainty | None = None
    r2: float | None = None
    rmsd: float | None = None
    points: FittedPoints | None = None
    profiles: dict[str, ProfileCurve] = field(default_factory=dict)
    mean_band: Band | None = None
    new_run_band: Band | None = None
    failed_resamples: int = 0
    warnings: list[str] = field(default_factory=list)
