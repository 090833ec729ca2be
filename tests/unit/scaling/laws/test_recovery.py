"""A law finds its own parameters again, from random starts."""

import numpy as np
import pytest

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective, ObjectiveKind
from ladderscope.scaling.laws import LAWS
from ladderscope.scaling.points import Points
from tests.unit.scaling.laws.examples import TRUTHS, places


@pytest.mark.parametrize("kind", ["ols", "huber"])
@pytest.mark.parametrize("name", LAWS)
def test_clean_points_give_the_parameters_back(name: str, kind: ObjectiveKind) -> None:
    law, x = LAWS[name], places(name)
    fitted = fit_law(law, Points.of(x, law.predict(TRUTHS[name], x)), Objective(kind=kind), seed=3)
    assert fitted.values == pytest.approx(TRUTHS[name], rel=1e-5)


@pytest.mark.parametrize("name", ["power-offset", "rectified", "chinchilla", "memory-length"])
def test_noise_of_a_thousandth_moves_predictions_no_further(name: str) -> None:
    law, x = LAWS[name], places(name)
    truth = law.predict(TRUTHS[name], x)
    noisy = truth * np.exp(np.random.default_rng(0).normal(scale=1e-3, size=len(x)))
    fitted = fit_law(law, Points.of(x, noisy))
    assert np.abs(law.predict(fitted.values, x) / truth - 1).max() < 3e-3
    assert fitted.agreement > 0.5


def test_one_wild_point_does_not_move_a_robust_fit() -> None:
    law, x = LAWS["power-offset"], places("power-offset")
    y = law.predict(TRUTHS["power-offset"], x)
    y[-1] *= 1.5
    robust = fit_law(law, Points.of(x, y), Objective(delta=1e-4))
    plain = fit_law(law, Points.of(x, y), Objective(kind="ols"))
    assert robust.values["lambda"] == pytest.approx(0.35, abs=2e-3)
    assert abs(plain.values["lambda"] - 0.35) > 0.03


def test_memory_without_a_fixed_part_has_exactly_none() -> None:
    x = np.array([512.0, 1024.0, 2048.0, 4096.0])
    y = 3e6 * x * np.array([0.97, 1.0, 1.01, 1.02])
    fitted = fit_law(LAWS["memory-linear"], Points.of(x, y), Objective(kind="ols"))
    assert fitted.values["c0"] == 0.0
    assert fitted.values["c1"] == pytest.approx(float(np.exp(np.log(y / x).mean())), rel=1e-9)
