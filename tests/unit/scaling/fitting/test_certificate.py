"""The certificate of an optimum: what speaks against it, in sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ladderscope.scaling.fitting.certificate import certify
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.identification import robust_errors
from ladderscope.scaling.fitting.objective import Objective, ObjectiveKind
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import FloatArray, Points
from ladderscope.scaling.uncertainty.covariance import clustered_covariance

RNG = np.random.default_rng(0)
X: FloatArray = np.geomspace(1e2, 1e6, 24)


def _noise(n: int = 24, scale: float = 0.004, seed: int = 1) -> FloatArray:
    return np.exp(np.random.default_rng(seed).normal(scale=scale, size=n))


def _good_points() -> Points:
    return Points.of(X, (1.5 + 20 * X**-0.4) * _noise())


@pytest.mark.parametrize("kind", ["huber", "ols", "lad"])
def test_a_good_fit_passes(kind: ObjectiveKind) -> None:
    found = certify(fit_law(law_named("power-offset"), _good_points(), Objective(kind=kind)))
    assert found.findings == []
    assert found.passed
    assert found.moved
    assert found.gradient_norm < 1e-6
    assert found.start_agreement == 1
    assert found.predictor_correlation is None


@pytest.mark.parametrize("kind", ["huber", "ols", "lad"])
@pytest.mark.parametrize("law", ["power", "power-offset"])
def test_a_law_that_meets_all_points_passes(law: str, kind: ObjectiveKind) -> None:
    values = {"E": 1.5, "B": 20.0, "lambda": 0.4} if law == "power-offset" else {"B": 20.0, "lambda": 0.4}
    y = law_named(law).predict(values, X[:, None])
    found = certify(fit_law(law_named(law), Points.of(X, y), Objective(kind=kind)))
    assert found.gradient_norm == 0
    assert found.passed


@pytest.mark.parametrize("kind", ["huber", "ols", "lad"])
def test_a_place_beside_the_optimum_does_not(kind: ObjectiveKind) -> None:
    fitted = fit_law(law_named("power-offset"), _good_points(), Objective(kind=kind))
    found = certify(replace(fitted, theta=fitted.theta * [1.0, 1.0, 1.02]))
    assert found.gradient_norm > 1e-2
    assert "still falls at the optimum" in found.findings[0]


def test_a_fit_that_did_not_move_is_caught() -> None:
    fitted = fit_law(law_named("power-offset"), _good_points())
    found = certify(replace(fitted, start=fitted.theta))
    assert not found.moved
    assert "The fit did not move from its start." in found.findings


def test_starts_that_disagree_are_counted() -> None:
    fitted = replace(fit_law(law_named("power-offset"), _good_points()), agreement=1 / 6)
    assert "Only 1 of 6 starts reached this optimum: try more starts." in certify(fitted).findings


def test_points_without_a_floor_say_so() -> None:
    found = certify(fit_law(law_named("power-offset"), Points.of(X, 20 * X**-0.2 * np.exp(-0.004 * np.log(X) ** 2))))
    assert found.at_bound == ["E"]
    assert "E is at its lower bound 0: the points show no floor." in found.findings


def test_a_flat_phase_that_is_not_there_has_no_influence() -> None:
    found = certify(fit_law(law_named("rectified"), Points.of(X, 0.1 + 20 * X**-0.4), Objective(kind="ols")))
    assert "D_l" in found.at_bound
    assert "D_l has no influence on any point, so its value says nothing." in found.findings


def test_memory_without_a_fixed_part_is_at_its_bound_whatever_the_unit() -> None:
    lengths = np.array([512.0, 1024.0, 2048.0, 4096.0])
    memory = 3e6 * lengths * [0.97, 1.0, 1.01, 1.02]
    found = certify(fit_law(law_named("memory-linear"), Points.of(lengths, memory), Objective(kind="ols")))
    assert found.at_bound == ["c0"]
    assert found.findings[0].startswith("c0 is at its lower bound 0: the points show nothing of it (the fixed part")


def test_a_step_is_no_law() -> None:
    step = np.where(X < 3e3, 4.0, 2.0)
    found = certify(fit_law(law_named("rectified"), Points.of(X, step * _noise()), Objective(kind="ols")))
    assert any("above 5 it fits a step, not a law" in finding for finding in found.findings)


def test_exponents_within_the_noise_are_not_identified() -> None:
    flat = 2.0 * _noise(scale=0.05)
    found = certify(fit_law(law_named("power"), Points.of(X, flat), Objective(kind="ols")))
    assert found.not_identified == ["lambda"]
    assert any(finding.startswith("lambda is not identified: its standard error") for finding in found.findings)


def test_what_others_found_unbounded_is_named() -> None:
    found = certify(fit_law(law_named("power-offset"), _good_points()), not_identified=["B"])
    assert found.not_identified == ["B"]
    assert "B is not identified: the points do not bound it." in found.findings


def test_a_fixed_ratio_of_tokens_to_parameters_cannot_tell_their_effects_apart() -> None:
    n = np.geomspace(1e7, 1e10, 12)
    x = np.stack([n, 20 * n], axis=1)
    y = law_named("chinchilla").predict({"E": 1.8, "A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37}, x)
    found = certify(fit_law(law_named("chinchilla"), Points.of(x, y * _noise(12))))
    assert found.predictor_correlation == pytest.approx(1.0)
    assert "D is about 20 times N at all points, so their effects cannot be told apart." in found.findings


def test_predictors_that_go_together_are_named_with_their_correlation() -> None:
    n = np.geomspace(1e7, 1e10, 12)
    x = np.stack([n, n**1.2 * np.exp(np.random.default_rng(3).normal(scale=0.3, size=12))], axis=1)
    y = law_named("chinchilla").predict({"E": 1.8, "A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37}, x)
    found = certify(fit_law(law_named("chinchilla"), Points.of(x, y * _noise(12))))
    assert any(finding.startswith("N and D go together (correlation") for finding in found.findings)


def test_a_predictor_that_never_changes_is_named() -> None:
    x = np.stack([np.full(24, 1e8), X], axis=1)
    found = certify(fit_law(law_named("chinchilla"), Points.of(x, (1.5 + 20 * X**-0.4) * _noise())))
    assert "N is the same at all points, so nothing can be said about it." in found.findings


def test_as_many_parameters_as_points_prove_nothing() -> None:
    found = certify(fit_law(law_named("power-offset"), Points.of(X[::8], (1.5 + 20 * X**-0.4)[::8])))
    expected = "3 measured points for 3 parameters: the law goes through them whether it holds or not."
    assert expected in found.findings


def test_parameters_that_can_hardly_be_told_apart_have_a_large_condition_number() -> None:
    narrow = np.geomspace(1e4, 1.5e4, 24)
    found = certify(
        fit_law(law_named("power-offset"), Points.of(narrow, 1.5 + 20 * narrow**-0.4), Objective(kind="ols"))
    )
    assert found.condition_number is not None
    assert found.condition_number > 1e6
    assert any("can hardly be told apart (condition number" in finding for finding in found.findings)


def test_standard_errors_of_robust_fits_weigh_each_point_by_how_likely_its_residual_is_near_the_corner() -> None:
    """The noisy half of the points alone determines the slope: one mean curvature for all finds too small an error."""
    rng = np.random.default_rng(0)
    x = np.concatenate([np.full(60, 1e4), np.geomspace(1e2, 1e6, 60)])
    y = 20 * x**-0.03 * np.exp(rng.normal(size=120) * np.repeat([0.01, 0.05], 60))
    fitted = fit_law(law_named("power"), Points.of(x, y), Objective(kind="lad"))
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    errors = robust_errors(fitted, np.zeros(2, dtype=bool))
    assert errors[1] == pytest.approx(covariance.standard_errors[1], rel=0.2)


def test_what_the_certificate_holds_the_covariance_holds_too() -> None:
    x = np.geomspace(1e2, 1e6, 24)
    fitted = fit_law(law_named("rectified"), Points.of(x, (0.1 + 20 * x**-0.4) * _noise()), Objective(kind="ols"))
    covariance = clustered_covariance(fitted)
    assert covariance is not None
    held = [name for name, error in zip(fitted.law.names, covariance.standard_errors, strict=True) if error == 0]
    assert certify(fitted).at_bound == held
