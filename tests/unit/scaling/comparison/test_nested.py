from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ladderscope.scaling.comparison import replicates
from ladderscope.scaling.comparison.equivalence import TwoSlopes
from ladderscope.scaling.comparison.joint import JointPoints, join
from ladderscope.scaling.comparison.joint_law import MODELS, JointLaw, ModelName, models_of
from ladderscope.scaling.comparison.local_slope import Lines, pooled_lines
from ladderscope.scaling.comparison.models import described, p_against, preferred
from ladderscope.scaling.comparison.nested import fit_nested
from ladderscope.scaling.comparison.pairing import pair_runs
from ladderscope.scaling.comparison.per_run import per_run_slopes
from ladderscope.scaling.comparison.replicates import leave_one_out, one_step
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective, ObjectiveKind
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.laws.power import Power
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.laws.rectified import Rectified
from ladderscope.scaling.points import Points
from ladderscope.scaling.settings import FitSettings
from tests.unit.scaling.comparison.simulated import two_methods

SETTINGS = FitSettings(starts=3)
LEAST_SQUARES = FitSettings(starts=3, objective=Objective(kind="ols"))


def joined(**truth: object) -> JointPoints:
    first, second = two_methods(**truth)  # type: ignore[arg-type]
    return join(first, second, pair_runs(first, second))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("base", [PowerOffset(), Chinchilla(), Rectified()], ids=lambda law: law.name)
def test_the_derivatives_of_the_joint_law_are_those_of_its_predictions(base: Law, model: ModelName) -> None:
    law, rng = JointLaw(base, model), np.random.default_rng(0)
    x = np.column_stack([rng.uniform(2, 50, size=(8, len(base.predictors))), np.arange(8) % 2])
    theta = law.start(x, rng.uniform(2, 3, size=8), rng)
    step = 1e-6 * np.eye(len(theta))
    numeric = np.stack([(law.prediction(theta + d, x) - law.prediction(theta - d, x)) / 2e-6 for d in step], axis=1)
    np.testing.assert_allclose(law.jacobian(theta, x), numeric, atol=1e-6)


def test_a_law_without_offset_has_none_to_share() -> None:
    assert models_of(PowerOffset()) == ["one curve", "parallel", "shared offset", "all own"]
    assert models_of(Power()) == ["one curve", "parallel", "all own"]


def test_everything_own_is_two_fits() -> None:
    first, second = two_methods(offset=1.5, exponents=(0.35, 0.25))
    fits = fit_nested(PowerOffset(), join(first, second, pair_runs(first, second)), LEAST_SQUARES)
    own = fits[-1]
    for method, group in enumerate((first, second)):
        alone = fit_law(PowerOffset(), group.points, LEAST_SQUARES.objective)
        np.testing.assert_allclose(own.fitted.theta[own.law.parts[method]], alone.theta, rtol=1e-4)


def test_a_larger_model_never_fits_worse() -> None:
    values = [fit.fitted.value for fit in fit_nested(PowerOffset(), joined(offset=1.5, multiplier=2.0), SETTINGS)]
    assert len(values) == 4
    assert np.all(np.diff(values) <= 1e-9)


@pytest.mark.parametrize(
    ("truth", "model"),
    [
        ({}, "one curve"),
        ({"multiplier": 1.5}, "parallel"),
        ({"exponents": (0.4, 0.3)}, "shared offset"),
    ],
)
def test_the_model_of_the_truth_is_preferred(truth: dict[str, object], model: str) -> None:
    joint = joined(runs=8, offset=1.5, noise=2e-3, **truth)
    models = described(fit_nested(PowerOffset(), joint, SETTINGS), joint, lost=3)
    assert preferred(models, 0.05) == model
    p_values = {one.name: one.p_against_next for one in models}
    for smaller in MODELS[: MODELS.index(model)]:
        p_value = p_values[smaller]
        assert p_value is not None
        assert p_value < 0.05
    errors = {one.name: one.left_out_error for one in models}
    assert errors[model] == pytest.approx(2e-3, rel=0.5)


def test_parallel_lines_against_own_lines_is_the_test_of_their_slopes() -> None:
    joint = joined(exponents=(0.31, 0.3), deviation=0.01, noise=5e-3)
    fits = fit_nested(Power(), joint, LEAST_SQUARES)
    lines = pooled_lines(joint)
    assert lines is not None
    two = TwoSlopes.of(lines.estimates, *Lines.SLOPES)
    plain = TwoSlopes(
        first=two.first,
        second=two.second,
        variance_first=two.variance_first,
        covariance=two.covariance,
        variance_second=two.variance_second,
        freedom=np.asarray(4.0),
    )
    assert p_against(fits[1], fits[2], joint, lost=2) == pytest.approx(float(plain.p_difference()), rel=1e-3)


@pytest.mark.parametrize("kind", ["huber", "ols"])
def test_one_step_without_each_of_many_runs_gives_the_errors_of_refits(kind: ObjectiveKind) -> None:
    joint = joined(runs=24, offset=1.5, exponents=(0.35, 0.3), deviation=0.005, noise=2e-3)
    fitted = fit_nested(PowerOffset(), joint, FitSettings(starts=3, objective=Objective(kind=kind)))[-1].fitted
    refitted, stepped = leave_one_out(fitted, len(joint.stratum)), one_step(fitted)
    assert refitted is not None
    assert stepped is not None
    errors = [np.sqrt(np.sum((thetas - fitted.theta) ** 2, axis=0)) for thetas in (refitted, stepped)]
    np.testing.assert_allclose(errors[1], errors[0], rtol=0.1)


def test_one_step_is_the_refit_of_a_linear_law() -> None:
    joint = joined(runs=8, noise=0.1, deviation=0.1)
    fitted = fit_nested(Power(), joint, LEAST_SQUARES)[-1].fitted
    refitted, stepped = leave_one_out(fitted, len(joint.stratum)), one_step(fitted)
    assert refitted is not None
    assert stepped is not None
    np.testing.assert_allclose(stepped, refitted, rtol=1e-5)


def test_hundreds_of_runs_are_not_refitted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicates, "refit", None)
    joint = joined(runs=200, checkpoints=3, offset=1.5, noise=5e-3, exponents=(0.35, 0.3), seed=1)
    models = described(fit_nested(PowerOffset(), joint, SETTINGS), joint, lost=3)
    assert preferred(models, 0.05) == "shared offset"
    assert models[-2].left_out_error == pytest.approx(5e-3, rel=0.1)
    p_values = [model.p_against_next for model in models]
    assert all(p is not None and p < 1e-6 for p in p_values[:2])
    assert p_values[2] is not None
    assert p_values[2] > 0.01


def test_a_point_of_weight_two_is_two_points() -> None:
    joint = joined(offset=1.5, multiplier=1.2, noise=0.01)
    twice = 1 + np.arange(len(joint.points)) % 2
    weighted = replace(joint, points=replace(joint.points, weights=twice.astype(float)))
    rows = np.repeat(np.arange(len(twice)), twice)
    points = Points.of(joint.points.x[rows], joint.points.y[rows], run=joint.points.run[rows])
    repeated = replace(joint, points=points)
    for one, other in zip(
        *(described(fit_nested(PowerOffset(), j, SETTINGS), j, 3) for j in (weighted, repeated)), strict=True
    ):
        assert one.objective == pytest.approx(other.objective, rel=1e-6)
        assert one.aicc == pytest.approx(other.aicc, rel=1e-6)
        assert one.left_out_error == pytest.approx(other.left_out_error, rel=1e-4)
    ours, theirs = per_run_slopes(weighted), per_run_slopes(repeated)
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(ours.value, theirs.value)
    np.testing.assert_allclose(ours.covariance(), theirs.covariance())


def test_too_few_points_are_fitted_by_no_model() -> None:
    assert fit_nested(PowerOffset(), joined(runs=3, checkpoints=1), SETTINGS) == []
