"""Numbers with their uncertainty, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, or with the ``reason`` why it has none. An end may be ``None``: unbounded there."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterEstimate:
    """A parameter of a fitted law.

    Attributes:
        value: in ``unit``.
        standard_error: of the value, by the covariance clustered by run; for a parameter that the fit moves as a
            logarithm, by the delta method.
        interval: the one to quote, by ``interval_method``; ``None`` with the ``reason`` why there is none.
        intervals: all that were computed, by method: ``covariance``, ``profile``, ``bootstrap``, ``wild``.
        warnings: where these disagree, or the parameter is not identified.
    """

    value: float
    unit: str
    meaning: str
    standard_error: float | None = None
    interval: Ends | None = None
    interval_method: str | None = None
    intervals: dict[str, Ends] = field(default_factory=dict)
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A curve at ``x`` (values of one predictor, the others as the figure says) with a pointwise band around it."""

    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
