"""Which law, and how far it can be trusted beyond the data, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """A law fitted without the largest scale, judged on it.

    Attributes:
        predictor: whose largest value was left out, ``above`` which the held-out points lie.
        median_relative_error, largest_relative_error: of the response at the ``n_points`` left out.
        coverage: share of them inside of the 95% band for new runs; ``None`` where there is no band.
        of_fitted_runs: whether some of them come from runs whose other points were fitted. The fit knows such a run's
            deviation in part, so that ``coverage`` is optimistic for a run that is new.
    """

    predictor: str
    above: float
    n_points: int
    median_relative_error: float
    largest_relative_error: float
    coverage: float | None = None
    of_fitted_runs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A law that was tried. ``aicc`` and ``held_out_error`` are over all groups; ``reason``: why it could not be."""

    law: str
    title: str
    n_parameters: int
    aicc: float | None = None
    held_out_error: float | None = None
    groups_best: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LawChoice:
    """The choice between laws. ``decided`` is false where the data cannot tell: ``law`` is then the simplest of those
    that are left in."""

    law: str
    decided: bool
    reason: str
    candidates: list[Candidate] = field(default_factory=list)
