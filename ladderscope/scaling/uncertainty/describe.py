"""One law fitted to one group of runs, with everything that is known about the fit, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ladderscope.scaling.fitting.certificate import certify
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.sensitivity import sensitivity
from ladderscope.scaling.laws.base import MAX_EXPONENT, Law
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.estimates import Band
from ladderscope.scaling.results.law_fit import FittedPoints, LawFit, ObjectiveResult, ProfileCurve, Uncertainty
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group
from ladderscope.scaling.uncertainty.bands import BandKind, interval_at
from ladderscope.scaling.uncertainty.checks import why_not_fitted
from ladderscope.scaling.uncertainty.covariance import ClusteredCovariance
from ladderscope.scaling.uncertainty.draws import Advance
from ladderscope.scaling.uncertainty.estimates import not_identified, parameter_estimates
from ladderscope.scaling.uncertainty.evidence import Evidence
from ladderscope.units import counted

CURVE_POINTS = 60
FEW_POINTS = 3
"""Fewer points for each parameter are worth a warning."""


def describe(
    law: Law,
    group: Group,
    axes: Sequence[AxisInfo],
    settings: FitSettings,
    y: AxisInfo,
    advance: Advance | None = None,
) -> tuple[LawFit, FittedLaw | None]:
    """``law`` fitted to ``group``, judged.

    Args:
        axes: what the predictors are, in the order of the law's.
        y: what the response is.
        advance: called with the number of bootstrap resamples done.

    Returns:
        The fit, and what further statistics are made from. Where the law cannot be fitted the first has a ``reason``
        and no parameters, and the second is ``None``.
    """
    points, names = group.points, [axis.name for axis in axes]
    bare = LawFit(
        law=law.name,
        title=law.title,
        formula=law.formula,
        scale=law.scale,
        n_points=len(points),
        n_runs=points.n_runs,
        n_censored=int(points.censored.sum()),
        x_ranges={
            name: (float(column.min()), float(column.max())) for name, column in zip(names, points.x.T, strict=True)
        }
        if len(points)
        else {},
    )
    reason = why_not_fitted(law, points, names)
    if reason:
        return replace(bare, reason=reason), None
    fitted = fit_law(law, points, settings.objective, starts=settings.starts, seed=settings.seed)
    evidence = Evidence.of(fitted, settings, advance)
    return _judged(bare, evidence, group, axes, y), fitted


def _judged(bare: LawFit, evidence: Evidence, group: Group, axes: Sequence[AxisInfo], y: AxisInfo) -> LawFit:
    fitted, covariance = evidence.fitted, evidence.covariance
    units = {"y": y.unit, **{slot: axis.unit for slot, axis in zip(fitted.law.predictors, axes, strict=True)}}
    r2, rmsd = _closeness(fitted)
    return replace(
        bare,
        parameters=parameter_estimates(evidence, units),
        objective=_objective(fitted),
        certificate=certify(fitted, not_identified(evidence)),
        uncertainty=None if covariance is None else _uncertainty(covariance),
        r2=r2,
        rmsd=rmsd,
        points=_points(fitted, group, axes),
        profiles=_profiles(evidence),
        mean_band=_band(evidence, "mean"),
        new_run_band=None if covariance is None else _band(evidence, "new-run"),
        failed_resamples=evidence.failed_resamples,
        warnings=_warnings(evidence),
    )


def _objective(fitted: FittedLaw) -> ObjectiveResult:
    objective = fitted.objective
    return ObjectiveResult(
        kind=objective.kind,
        delta=objective.delta,
        value=fitted.value,
        text=objective.text(fitted.law.scale),
        sensitivity=sensitivity(fitted),
    )


def _uncertainty(covariance: ClusteredCovariance) -> Uncertainty:
    return Uncertainty(
        covariance=covariance.matrix.tolist(),
        degrees_of_freedom=covariance.degrees_of_freedom,
        run_deviation=covariance.run_deviation,
        noise_deviation=covariance.noise_deviation,
        n_clusters=covariance.n_clusters,
    )


def _closeness(fitted: FittedLaw) -> tuple[float | None, float | None]:
    """R squared and root mean squared deviation on the law's scale, over measured points."""
    measured = ~fitted.points.censored
    squares = float((fitted.residuals[measured] ** 2).sum())
    response = fitted.law.to_scale(fitted.points.y[measured])
    spread = float(((response - response.mean()) ** 2).sum())
    return (1 - squares / spread if spread > 0 else None), float(np.sqrt(squares / measured.sum()))


def _points(fitted: FittedLaw, group: Group, axes: Sequence[AxisInfo]) -> FittedPoints:
    law, points = fitted.law, fitted.points
    prediction = law.prediction(fitted.theta, points.x)
    return FittedPoints(
        x={axis.name: points.x[:, column].tolist() for column, axis in enumerate(axes)},
        y=points.y.tolist(),
        predicted=law.from_scale(prediction).tolist(),
        residual=(prediction - law.to_scale(points.y)).tolist(),
        run=[group.run_names[run] for run in points.run],
        censored=points.censored.tolist(),
    )


def _profiles(evidence: Evidence) -> dict[str, ProfileCurve]:
    values = evidence.fitted.law.parameters
    curves = [(parameter, evidence.profiles.get(parameter.name)) for parameter in values]
    return {
        parameter.name: ProfileCurve(
            value=np.exp(np.minimum(curve.value, MAX_EXPONENT)).tolist() if parameter.log else curve.value,
            objective=curve.rise,
            threshold=curve.threshold,
        )
        for parameter, curve in curves
        if curve is not None
    }


def _band(evidence: Evidence, kind: BandKind) -> Band:
    fitted, covariance = evidence.fitted, evidence.covariance
    grid = curve_grid(fitted.points.x)
    if covariance is None:
        return Band(x=grid[:, 0].tolist(), y=fitted.law.predict(fitted.values, grid).tolist())
    y, low, high = interval_at(fitted, covariance, grid, kind=kind, confidence=evidence.confidence)
    return Band(x=grid[:, 0].tolist(), y=y.tolist(), low=low.tolist(), high=high.tolist())


def curve_grid(x: FloatArray) -> FloatArray:
    """Where curves are drawn: along the range of the first predictor, the others at their geometric mean."""
    grid = np.tile(np.exp(np.log(x).mean(axis=0)), (CURVE_POINTS, 1))
    grid[:, 0] = np.geomspace(x[:, 0].min(), x[:, 0].max(), CURVE_POINTS)
    return grid


def _warnings(evidence: Evidence) -> list[str]:
    fitted = evidence.fitted
    n, k = int(fitted.informative.sum()), len(fitted.theta)
    found = [f"only {counted(n, 'point')} for {counted(k, 'parameter')}"] if n < FEW_POINTS * k else []
    if any(curve.better for curve in evidence.profiles.values()):
        found.append("a profile met a lower objective than the fit's: try more starts")
    if evidence.pairs is not None and not evidence.pairs.enough:
        found.append("too few resamples hold enough different x for a bootstrap interval")
    return found
