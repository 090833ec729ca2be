"""The fit of one group of runs: a law, intervals, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ladderscope.scaling.bootstrap import Draws, band, draw_fits, draw_slopes, interval, why_no_interval
from ladderscope.scaling.laws import FitSettings, FloatArray, Law
from ladderscope.scaling.points import Group
from ladderscope.scaling.result import Estimate, FittedCurve, GroupFit
from ladderscope.scaling.slope import log_slope

CURVE_POINTS = 60
TOO_FEW_X = "too few resamples hold enough different x for an interval"
NO_SHARED_RANGE = "fewer than two different x lie in the range that all groups share"


@dataclass(frozen=True, slots=True)
class FittedGroup:
    """The fit of a group with what its resamples gave, from which differences between groups are drawn."""

    fit: GroupFit
    slope_draws: FloatArray | None = None
    law_draws: Draws | None = None


def fit_group(
    law: Law, group: Group, shared: tuple[float, float] | None, settings: FitSettings, stream: int
) -> FittedGroup:
    """Fit ``law`` to ``group``; the local slope is taken over the ``shared`` range of x."""
    no_interval = why_no_interval(group.runs)
    slope_draws = None if no_interval else draw_slopes(group.runs, shared, settings, stream)
    bare = _without_law(group, _local_slope(group, shared, slope_draws, settings))
    reason = _why_not_fitted(law, group)
    if reason:
        return FittedGroup(replace(bare, status="cannot tell", reason=reason), slope_draws)
    reason = _why_not_falling(law, group)
    if reason:
        return FittedGroup(replace(bare, status="not falling", reason=reason), slope_draws)
    return _with_law(FittedGroup(bare, slope_draws), law, group, settings, stream)


def _without_law(group: Group, local_slope: Estimate) -> GroupFit:
    x = group.x
    return GroupFit(
        name=group.name,
        key=group.key,
        status="fitted",
        reason=None,
        n_runs=len(group.runs),
        n_points=len(x),
        x_range=[float(x.min()), float(x.max())],
        pooled=group.pooled,
        parameters={},
        local_slope=local_slope,
    )


def _with_law(bare: FittedGroup, law: Law, group: Group, settings: FitSettings, stream: int) -> FittedGroup:
    x, y = group.x, group.y
    solution = law.fit(x, y, settings)
    grid = np.geomspace(x.min(), x.max(), CURVE_POINTS)
    no_interval = why_no_interval(group.runs)
    draws = None if no_interval else draw_fits(law, group.runs, solution.values, grid, settings, stream)
    low, high = band(draws, settings) if draws else ([], [])
    fit = replace(
        bare.fit,
        parameters=_estimates(solution.values, draws, no_interval, settings),
        r2_log=_r2_log(y, law.predict(x, solution.values)),
        objective_value=solution.objective_value,
        start_agreement=solution.start_agreement,
        failed_resamples=draws.failed if draws else 0,
        curve=FittedCurve(x=grid.tolist(), y=law.predict(grid, solution.values).tolist(), low=low, high=high),
        warnings=solution.warnings + _few_points(law, len(x)),
    )
    return FittedGroup(fit, bare.slope_draws, draws)


def _why_not_fitted(law: Law, group: Group) -> str | None:
    n_parameters, n_points, n_x = len(law.parameters), len(group.x), len(np.unique(group.x))
    if n_points < n_parameters + 1:
        return f"too few points ({n_points}) for {n_parameters} parameters; at least {n_parameters + 1} are needed"
    if n_x < n_parameters:
        return f"too few different x ({n_x}) for {n_parameters} parameters; at least {n_parameters} are needed"
    return None


def _why_not_falling(law: Law, group: Group) -> str | None:
    slope = log_slope(group.x, group.y)
    if not law.falls or slope is None or slope < 0:
        return None
    return f"y did not fall as x grew (log-log slope {slope:+.3g}), so an exponent would mean nothing"


def _few_points(law: Law, n_points: int) -> list[str]:
    n_parameters = len(law.parameters)
    few = n_points < 3 * n_parameters
    return [f"only {n_points} points for {n_parameters} parameters"] if few else []


def _local_slope(
    group: Group, shared: tuple[float, float] | None, draws: FloatArray | None, settings: FitSettings
) -> Estimate:
    value = log_slope(group.x, group.y, shared) if shared else None
    if value is None:
        return Estimate(reason=NO_SHARED_RANGE)
    return estimate(value, draws, why_no_interval(group.runs), settings)


def _estimates(
    values: Mapping[str, float], draws: Draws | None, no_interval: str | None, settings: FitSettings
) -> dict[str, Estimate]:
    return {
        name: estimate(value, draws.parameters[name] if draws else None, no_interval, settings)
        for name, value in values.items()
    }


def estimate(value: float, draws: FloatArray | None, no_interval: str | None, settings: FitSettings) -> Estimate:
    """``value`` with the interval of its ``draws``, or with the reason why there is none."""
    if draws is None:
        return Estimate(value, reason=no_interval)
    ends = interval(draws, settings)
    return Estimate(value, *ends) if ends else Estimate(value, reason=TOO_FEW_X)


def _r2_log(y: FloatArray, predicted: FloatArray) -> float | None:
    log_y = np.log(y)
    spread = float(np.square(log_y - log_y.mean()).sum())
    if spread == 0:
        return None
    return 1 - float(np.square(log_y - np.log(predicted)).sum()) / spread
