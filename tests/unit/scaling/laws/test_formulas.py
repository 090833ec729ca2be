"""Laws compute what their formulas say, and their derivatives with it."""

import numpy as np
import pytest

from ladderscope.scaling.laws import LAWS
from ladderscope.scaling.laws.differences import by_differences
from ladderscope.scaling.points import FloatArray
from tests.unit.scaling.laws.examples import TRUTHS, places


def _by_formula(name: str, x: FloatArray) -> FloatArray:
    """The law's own formula, as Python."""
    law = LAWS[name]
    text = law.formula.split(" = ")[1].replace("^", "**").replace("lambda", "lam")
    for pair in ("E (", "A X", "B x", "A N", "B D", "c1 x", "c1 N", "c2 S", "S N", "**-alpha D", "x**-c0 (", "-f ("):
        text = text.replace(pair, pair[:-2] + "*" + pair[-1] if pair[-2] == " " else pair)
    names = {key.replace("lambda", "lam"): value for key, value in TRUTHS[name].items()}
    names |= dict(zip(law.predictors, x.T, strict=True))
    return np.asarray(eval(text, {"__builtins__": {}}, names), dtype=np.float64)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_computes_its_formula(name: str) -> None:
    x = places(name)
    np.testing.assert_allclose(LAWS[name].predict(TRUTHS[name], x), _by_formula(name, x), rtol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_derivatives_are_those_of_the_prediction(name: str) -> None:
    law, x = LAWS[name], places(name)
    rng = np.random.default_rng(0)
    y = law.predict(TRUTHS[name], x)
    for theta in [law.theta(TRUTHS[name]), *law.starts(x, y, 5, rng)]:
        everywhere = np.full(len(theta), np.inf)
        numerical = by_differences(lambda at: law.prediction(np.real(at), x), theta, -everywhere, everywhere)
        size = np.abs(numerical).max(axis=0)
        assert (np.abs(law.jacobian(theta, x) - numerical).max(axis=0) <= 1e-8 * size + 1e-14).all()


@pytest.mark.parametrize("name", LAWS)
def test_centring_leaves_bounded_parameters_alone(name: str) -> None:
    law = LAWS[name]
    matrix = law.centring(places(name))
    bounded = [i for i, p in enumerate(law.parameters) if not p.log and np.isfinite([p.lower, p.upper]).any()]
    for row in bounded:
        assert (matrix[row] != 0).sum() == 1
    assert np.linalg.cond(matrix) < 1e8


def test_an_offset_of_zero_and_terms_of_any_size_are_no_trouble() -> None:
    law = LAWS["chinchilla"]
    theta = np.array([0.0, 800.0, -800.0, 0.3, 0.3])
    assert np.isfinite(law.prediction(theta, places("chinchilla"))).all()
    assert np.isfinite(law.jacobian(theta, places("chinchilla"))).all()


def test_values_that_have_faded_come_back_as_something_finite() -> None:
    law = LAWS["rectified"]
    theta = law.theta({"E": 1.0, "B": 2.0, "D_l": 0.0, "beta": 0.3})
    assert np.isfinite(theta).all()
    assert np.isfinite(law.prediction(theta, places("rectified"))).all()
