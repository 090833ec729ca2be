"""Scaling fits as text and figures get them: real fits of invented losses, with intervals filled in by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.laws.memory_linear import MemoryLinear
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.points import Points
from ladderscope.scaling.results.allocation import Allocation, BudgetOptimum, IsoFlop
from ladderscope.scaling.results.choice import Candidate, Extrapolation, LawChoice
from ladderscope.scaling.results.comparison import (
    MethodComparison,
    MultiplierAt,
    NestedModel,
    SlopeComparison,
    Verdict,
)
from ladderscope.scaling.results.estimates import Band, Ends, Estimate, ParameterEstimate
from ladderscope.scaling.results.law_fit import Certificate, FittedPoints, LawFit, ObjectiveResult, ProfileCurve
from ladderscope.scaling.results.scaling_fit import AxisInfo, GroupFit, LeftOut, ScalingFit

LOSS = AxisInfo(name="y", label="held-out loss", unit="nats per token", counts="on the validation split")
MEMORY = AxisInfo(name="y", label="peak allocated memory", unit="bytes")
COMPUTE = AxisInfo(name="C", label="training compute", unit="FLOP", counts="FLOPs of the method, counted by operation")
SIZE = AxisInfo(name="N", label="parameters", unit="parameter", counts="all parameters, embeddings included")
DATA = AxisInfo(name="D", label="training tokens", unit="token")
LENGTH = AxisInfo(name="S", label="sequence length", unit="token")
Example = Callable[[], ScalingFit]


def one_group() -> ScalingFit:
    """One group, twelve runs of three checkpoints."""
    group = _with_extrapolation(_compute_group("ladder", 1.9, 40.0, 0.085, seed=1))
    return scaling_fit(PowerOffset(), [group], [COMPUTE], LOSS)


def two_methods(verdict: Verdict = "inconclusive") -> ScalingFit:
    """Two methods compared with the ``verdict``."""
    groups = [
        _compute_group("ladder", 1.9, 40.0, 0.085, seed=1),
        _compute_group("qlora", 1.85, 46.0, 0.088, seed=2),
    ]
    left_out = [LeftOut("run 17", "its loss is not finite"), LeftOut("run 18", "its loss is not finite")]
    found = scaling_fit(PowerOffset(), groups, [COMPUTE], LOSS, comparisons=[comparison(verdict)], left_out=left_out)
    return replace(found, shared_range=(2e15, 4e18), notes=["Runs that differ in seed (0, 1) are pooled."])


def all_pairs() -> ScalingFit:
    """Three methods, every pair with another verdict."""
    fit = two_methods()
    pairs = [
        comparison("inconclusive", "ladder", "qlora"),
        comparison("equivalent", "ladder", "lora"),
        comparison("different", "qlora", "lora"),
    ]
    lora = _compute_group("lora", 1.8, 45.0, 0.09, seed=3)
    return replace(fit, groups=[*fit.groups, lora], comparisons=pairs)


def chinchilla() -> ScalingFit:
    """Two predictors, with three approaches to allocation."""
    rng = np.random.default_rng(0)
    law, theta = Chinchilla(), np.log([1.8, 480.0, 2000.0])
    x = np.array([[n, ratio * n] for n in np.geomspace(5e7, 1e10, 8) for ratio in (5, 20, 80)])
    y = np.exp(law.prediction(np.array([*theta, 0.35, 0.37]), x) + rng.normal(0, 0.006, len(x)))
    fitted = fit_law(law, Points.of(x, y))
    group = described("all", fitted, [SIZE, DATA], LOSS, band=False)
    return scaling_fit(law, [group], [SIZE, DATA], LOSS, allocations=_allocations(law, fitted))


def memory() -> ScalingFit:
    """A memory law with two censored points."""
    x = np.array([128.0, 256, 512, 1024, 2048, 4096, 4096])
    rng = np.random.default_rng(0)
    groups = []
    for name, base, rate in (("ladder", 3.1e8, 9.3e5), ("qlora", 2.9e8, 2.5e6)):
        y = (base + rate * x) * (1 + rng.normal(0, 0.01, len(x)))
        censored = np.arange(len(x)) >= (5 if name == "qlora" else 99)
        points = Points.of(x, np.where(censored, 8 * 2.0**30, y), censored=censored)
        groups.append(described(name, fit_law(MemoryLinear(), points), [LENGTH], MEMORY))
    return scaling_fit(MemoryLinear(), groups, [LENGTH], MEMORY)


def not_fitted() -> ScalingFit:
    """One group that could be fitted, one that could not."""
    reason = "2 points are too few for 3 parameters"
    empty = LawFit(
        law="power-offset",
        title=PowerOffset.title,
        formula=PowerOffset.formula,
        n_points=2,
        n_runs=2,
        n_censored=0,
        x_ranges={"C": (1e16, 2e16)},
        reason=reason,
        points=FittedPoints(
            x={"C": [1e16, 2e16]}, y=[3.1, 3.0], predicted=[], residual=[], run=["0", "1"], censored=[False, False]
        ),
    )
    groups = [_compute_group("ladder", 1.9, 40.0, 0.085, seed=1), GroupFit(name="my method", fit=empty)]
    return scaling_fit(PowerOffset(), groups, [COMPUTE], LOSS)


def cannot_tell() -> ScalingFit:
    """A choice of law that the data do not decide, and an offset that they do not pin down."""
    fit = one_group()
    group = fit.groups[0]
    certificate = Certificate(
        passed=False,
        gradient_norm=1e-9,
        moved=True,
        n_starts=6,
        start_agreement=1.0,
        condition_number=3e7,
        predictor_correlation=None,
        not_identified=["E"],
        findings=["E is not identified: its profile stays below the threshold down to 0"],
    )
    loose = replace(group.fit.parameters["E"], interval=(0.0, 2.1), warnings=["E cannot be told from 0"])
    parameters = group.fit.parameters | {"E": loose}
    choice = LawChoice(
        law="power",
        decided=False,
        reason="Cannot tell power law (2 parameters) from power law with offset (3): too close to call.",
        candidates=[
            Candidate(law="power", title="power law", n_parameters=2, aicc=-101.1, held_out_error=0.011),
            Candidate(law="power-offset", title="with offset", n_parameters=3, aicc=-102.2, held_out_error=0.012),
            Candidate(law="broken", title="broken", n_parameters=5, reason="12 points are too few for 5 parameters"),
        ],
    )
    unclear = replace(group, fit=replace(group.fit, certificate=certificate, parameters=parameters))
    return replace(fit, groups=[unclear], choice=choice)


EXAMPLES: dict[str, Example] = {
    "one group": one_group,
    "inconclusive": two_methods,
    "equivalent": lambda: two_methods("equivalent"),
    "different": lambda: two_methods("different"),
    "all pairs": all_pairs,
    "chinchilla": chinchilla,
    "memory": memory,
    "not fitted": not_fitted,
    "cannot tell": cannot_tell,
}


def comparison(verdict: Verdict, first: str = "ladder", second: str = "qlora") -> MethodComparison:
    """A comparison as its producer fills it in."""
    slopes, ends, margin = {
        "equivalent": ((0.0863, 0.0881), (0.93, 1.04), 0.07),
        "different": ((0.064, 0.0881), (0.66, 0.79), 0.34),
        "inconclusive": ((0.0855, 0.0881), (0.71, 1.32), 0.33),
    }[verdict]
    return MethodComparison(
        first=first,
        second=second,
        margin=0.1,
        paired=True,
        pair_keys=["model", "seed"],
        n_pairs=8,
        n_runs=(8, 8),
        verdict=verdict,
        reason="as the interval says",
        shared_range=(2e15, 4e18),
        slopes=[
            _slope("local slope", verdict, slopes, ends, margin),
            _slope("exponent, shared offset", "inconclusive", slopes, (0.55, 1.61), 0.62),
            _slope("exponent, own offset", "inconclusive", slopes, None, None),
        ],
        models=[
            _model("one curve", ["E", "B", "lambda"], 3, -310.2, 0.021, 0.0004),
            _model("parallel", ["E", "lambda"], 4, -330.9, 0.009, 0.62),
            _model("shared offset", ["E"], 5, -329.0, 0.0091, 0.8),
            _model("all own", [], 6, -326.8, 0.0097, None),
        ],
        preferred_model="parallel",
        multiplier=Estimate(1.34, 1.2, 1.5),
        multipliers=[MultiplierAt(x=2e15, by="straight lines", multiplier=Estimate(1.1, 0.9, 1.3))],
        crossing=Estimate(3e17, reason="the slopes could be the same, so the curves need not cross anywhere"),
        notes=["the multiplier holds if the curves are parallel"],
    )


def scaling_fit(law: Law, groups: list[GroupFit], x: list[AxisInfo], y: AxisInfo, **parts: object) -> ScalingFit:
    """A fit of ``law`` with ``parts`` filled in."""
    fit = ScalingFit(
        y=y,
        x=x,
        by="method",
        law=law.name,
        title=law.title,
        formula=law.formula,
        source=law.source,
        slope=law.slope,
        confidence=0.95,
        seed=0,
        groups=groups,
    )
    return replace(fit, **parts)  # type: ignore[arg-type]


def described(name: str, fitted: FittedLaw, x: list[AxisInfo], y: AxisInfo, *, band: bool = True) -> GroupFit:
    """A real optimum as the plain data of a group."""
    law, points = fitted.law, fitted.points
    predicted = law.from_scale(law.prediction(fitted.theta, points.x))
    residuals = fitted.residuals[~points.censored]
    return GroupFit(
        name=name,
        local_slope=Estimate(-0.031, -0.034, -0.028) if law.falls else Estimate(0.71, 0.64, 0.78),
        fit=LawFit(
            law=law.name,
            title=law.title,
            formula=law.formula,
            scale=law.scale,
            n_points=len(points),
            n_runs=points.n_runs,
            n_censored=int(points.censored.sum()),
            x_ranges={axis.name: (float(c.min()), float(c.max())) for axis, c in zip(x, points.x.T, strict=True)},
            parameters={p.name: _parameter(p, fitted.values[p.name], x, y) for p in law.parameters},
            objective=ObjectiveResult(
                kind="huber", delta=fitted.objective.delta, value=fitted.value, text=fitted.objective.text(law.scale)
            ),
            certificate=Certificate(
                passed=True,
                gradient_norm=1e-9,
                moved=True,
                n_starts=fitted.n_starts,
                start_agreement=fitted.agreement,
                condition_number=320.0,
                predictor_correlation=None,
            ),
            r2=0.991,
            rmsd=float(np.sqrt(np.mean(residuals**2))),
            points=FittedPoints(
                x={axis.name: column.tolist() for axis, column in zip(x, points.x.T, strict=True)},
                y=points.y.tolist(),
                predicted=predicted.tolist(),
                residual=fitted.residuals.tolist(),
                run=[f"run {run}" for run in points.run],
                censored=points.censored.tolist(),
            ),
            profiles={p.name: _profile(fitted.values[p.name]) for p in law.parameters},
            mean_band=_band(fitted, 0.006) if band else None,
            new_run_band=_band(fitted, 0.018) if band else None,
        ),
    )


@pytest.fixture(scope="session")
def scaling_examples() -> dict[str, ScalingFit]:
    """Every kind of fit by name."""
    return {name: make() for name, make in EXAMPLES.items()}


@functools.cache
def _compute_group(name: str, offset: float, coefficient: float, exponent: float, *, seed: int) -> GroupFit:
    rng = np.random.default_rng(seed)
    x = np.geomspace(2e15, 4e18, 12).repeat(3) * np.tile([0.25, 0.5, 1.0], 12)
    run = np.arange(12).repeat(3)
    smooth = offset + coefficient * x**-exponent
    y = smooth * np.exp(rng.normal(0, 0.006, 12)[run] + rng.normal(0, 0.002, len(x)))
    return described(name, fit_law(PowerOffset(), Points.of(x, y, run=run)), [COMPUTE], LOSS)


def _with_extrapolation(group: GroupFit) -> GroupFit:
    far = Extrapolation(
        predictor="C", above=1e18, n_points=9, median_relative_error=0.011, largest_relative_error=0.03, coverage=8 / 9
    )
    return replace(group, extrapolation=far)


def _parameter(parameter: Parameter, value: float, x: list[AxisInfo], y: AxisInfo) -> ParameterEstimate:
    units = {"y": y.unit, "x": x[0].unit, **{axis.name: axis.unit for axis in x}}
    ends: dict[str, Ends] = {
        "covariance": (0.9 * value, 1.1 * value),
        "profile": (0.88 * value, 1.13 * value),
        "bootstrap": (0.91 * value, 1.12 * value),
        "wild": (0.89 * value, 1.1 * value),
    }
    return ParameterEstimate(
        value=value,
        unit=parameter.unit.format(**units),
        meaning=parameter.meaning,
        standard_error=0.05 * value,
        interval=ends["wild"],
        interval_method="wild",
        intervals=ends,
    )


def _profile(value: float) -> ProfileCurve:
    steps = np.linspace(-2.2, 2.2, 21)
    return ProfileCurve(
        value=(value * (1 + 0.05 * steps)).tolist(),
        objective=(2e-5 * steps**2 * (1 - 0.08 * steps)).tolist(),
        threshold=2e-5 * 1.96**2 / 2,
    )


def _band(fitted: FittedLaw, width: float) -> Band:
    x = np.geomspace(fitted.points.x.min(), fitted.points.x.max(), 60)
    y = fitted.law.from_scale(fitted.law.prediction(fitted.theta, x[:, None]))
    spread = width * (1 + np.abs(np.log(x / x.mean())) / 6)
    return Band(x=x.tolist(), y=y.tolist(), low=(y * (1 - spread)).tolist(), high=(y * (1 + spread)).tolist())


def _slope(
    estimand: str, verdict: Verdict, slopes: tuple[float, float], ends: Ends | None, margin: float | None
) -> SlopeComparison:
    first, second = slopes
    return SlopeComparison(
        estimand=estimand,
        first=Estimate(first, 0.9 * first, 1.1 * first),
        second=Estimate(second, 0.9 * second, 1.1 * second),
        difference=Estimate(first - second, first - second - 0.012, first - second + 0.012),
        verdict=verdict,
        reason="the interval of the ratio reaches beyond the margin",
        equivalence_interval=ends,
        p_difference=0.0006 if verdict == "different" else 0.71,
        p_difference_holm=0.0012 if verdict == "different" else 0.71,
        p_equivalence=0.011 if verdict == "equivalent" else 0.31,
        smallest_margin=margin,
        runs_needed=31 if verdict == "inconclusive" else None,
    )


def _model(name: str, shared: list[str], n: int, aicc: float, error: float, p: float | None) -> NestedModel:
    return NestedModel(
        name=name, shared=shared, n_parameters=n, objective=1e-3, aicc=aicc, left_out_error=error, p_against_next=p
    )


def _allocations(law: Chinchilla, fitted: FittedLaw) -> list[Allocation]:
    budgets = np.geomspace(1e19, 1e21, 5)
    parabolas = [_isoflop(law, fitted, float(budget)) for budget in budgets]
    return [
        Allocation(approach="envelope", reason="no run has checkpoints, so there is no envelope"),
        Allocation(
            approach="isoflop",
            params_exponent=Estimate(0.51, 0.47, 0.55),
            tokens_exponent=Estimate(0.49, 0.45, 0.53),
            optima=[_optimum(one.compute, one.optimum.value or 1.0, 0.1) for one in parabolas],
            parabolas=parabolas,
            interval_method="bootstrap over runs",
        ),
        Allocation(
            approach="parametric",
            params_exponent=Estimate(0.514, 0.49, 0.54),
            tokens_exponent=Estimate(0.486, 0.46, 0.51),
            optima=[_optimum(float(c), 0.09 * float(c) ** 0.514, 0.2) for c in np.geomspace(1e19, 1e24, 6)],
            interval_method="covariance, clustered by run",
        ),
    ]


def _optimum(compute: float, params: float, spread: float) -> BudgetOptimum:
    tokens = compute / (6 * params)
    return BudgetOptimum(
        compute=compute,
        params=Estimate(params, params * (1 - spread), params * (1 + spread)),
        tokens=Estimate(tokens, tokens * (1 - spread), tokens * (1 + spread)),
        loss=2.1,
    )


def _isoflop(law: Chinchilla, fitted: FittedLaw, compute: float) -> IsoFlop:
    middle = 0.1 * compute**0.51
    params = middle * np.geomspace(0.2, 5, 7)
    x = np.stack([params, compute / (6 * params)], axis=1)
    noise = np.random.default_rng(int(compute) % 2**31).normal(0, 0.002, 7)
    loss = np.exp(law.prediction(fitted.theta, x) + noise)
    centre = float(np.log(params).mean())
    c2, c1, c0 = np.polyfit(np.log(params) - centre, loss, 2)
    vertex = float(np.exp(centre - c1 / (2 * c2)))
    return IsoFlop(
        compute=compute,
        params=params.tolist(),
        loss=loss.tolist(),
        centre=centre,
        coefficients=(float(c0), float(c1), float(c2)),
        optimum=Estimate(vertex, 0.85 * vertex, 1.2 * vertex),
    )
