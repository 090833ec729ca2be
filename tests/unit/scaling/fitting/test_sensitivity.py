"""What the parameters would be under other objectives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.fitting.sensitivity import sensitivity
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.laws.custom import CustomLaw
from ladderscope.scaling.points import Points


def test_each_objective_has_its_own_optimum(chinchilla_points: Points) -> None:
    fitted = fit_law(law_named("chinchilla"), chinchilla_points, Objective(delta=1e-3))
    found = {one.objective: one.values for one in sensitivity(fitted)}
    assert list(found) == ["ols", "huber, delta 0.01", "huber, delta 0.001", "huber, delta 0.0001", "lad"]
    assert found["huber, delta 0.001"] == pytest.approx(fitted.values, rel=1e-4)
    assert found["ols"]["beta"] == pytest.approx(0.405883, abs=1e-5)
    assert found["lad"]["beta"] == pytest.approx(0.36585, abs=1e-4)


def test_where_the_choice_does_not_matter_all_agree() -> None:
    points = Points.of([1.0, 2.0, 5.0, 9.0], [3.0, 5.0, 11.0, 19.0])
    law = CustomLaw(lambda x, level, slope: level + slope * x, start={"level": 0.5, "slope": 1.0})
    fitted = fit_law(law, points, Objective(kind="ols"))
    for one in sensitivity(replace(fitted, theta=fitted.theta)):
        assert one.values == pytest.approx({"level": 1.0, "slope": 2.0}, rel=1e-6)
